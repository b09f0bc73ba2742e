import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import sharp from 'sharp';
import { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { inFolder, PROGRAM } from '../support/program';

interface Assignment {
  request_id: number;
  assigned_server_id: number;
  assigned_server_address: string;
  leader_id: number;
}

interface Answer {
  request_id: number;
  success: boolean;
  encrypted_image_data: number[];
  error_message: string | null;
}

/** One exchange as the original's clients do it: a new connection, plain JSON, one answer, closed. */
function exchange<T>(address: string, message: unknown): Promise<T> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    const json = Buffer.from(JSON.stringify(message));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(json.length);
    socket.write(Buffer.concat([head, json]));
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      const all = size >= 4 ? Buffer.concat(chunks) : null;
      if (!all || size < 4 + all.readUInt32BE(0)) return;
      socket.destroy();
      resolve(JSON.parse(all.toString('utf8', 4)) as T);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}

/** True once a server answers at the address. */
const answers = (address: string): Promise<boolean> =>
  exchange(address, 'LeaderQuery').then(
    () => true,
    () => false,
  );

/** Reads as the original does: decode the image, 32 bits of length, then the bytes; it ignores the rest. */
async function readCarrier(png: Buffer): Promise<Buffer> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  const byteAt = (index: number): number => {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | (data[index * 8 + bit]! & 1);
    return byte;
  };
  const length = (byteAt(0) << 24) | (byteAt(1) << 16) | (byteAt(2) << 8) | byteAt(3);
  return Buffer.from(Array.from({ length }, (_, index) => byteAt(4 + index)));
}

test('a client of the original works with every server, leader or not, from 1 byte to 60 KB', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    let requestId = 0;
    for (const address of cluster.addresses) {
      for (const size of [1, 2, 3, 7, 1000, 36_734, 60 * 1024]) {
        requestId += 1;
        const name = { client_name: 'Original', request_id: requestId };
        const startMs = performance.now();
        // It broadcasts the assignment request to every server and waits for each in turn.
        const assignments: Assignment[] = [];
        for (const each of [address, ...cluster.addresses]) {
          const answer = await exchange<{ TaskAssignmentResponse: Assignment }>(each, {
            TaskAssignmentRequest: name,
          });
          assignments.push(answer.TaskAssignmentResponse);
        }
        const { assigned_server_address: assigned, leader_id, request_id } = assignments[0]!;
        // A repeated request gets the same server.
        expect(new Set(assignments.map((each) => each.assigned_server_id)).size).toBe(1);
        expect({ request_id, known: cluster.addresses.includes(assigned) }).toEqual({
          request_id: requestId,
          known: true,
        });
        const secret = randomBytes(size);
        const task = { ...name, secret_image_data: [...secret], assigned_by_leader: leader_id };
        const { TaskResponse } = await exchange<{ TaskResponse: Answer }>(assigned, { TaskRequest: task });
        const { encrypted_image_data, ...rest } = TaskResponse;
        expect(rest).toEqual({ request_id: requestId, success: true, error_message: null });
        expect((await readCarrier(Buffer.from(encrypted_image_data))).equals(secret)).toBe(true);
        const status = await exchange(address, { TaskStatusQuery: name });
        expect(status).toHaveProperty('TaskStatusResponse.assigned_server_address');
        expect(performance.now() - startMs).toBeLessThan(3000);
      }
      const leader = await exchange(address, 'LeaderQuery');
      expect(leader).toHaveProperty('LeaderResponse.leader_id', (await cluster.agreement()).leaderId);
    }
  });
}, 120_000);

test('a client of the original that asks before the cover is decoded gets an address, and its task waits there', async () => {
  await inFolder(async (folder) => {
    // Its decoding takes a while.
    const coverFile = path.join(folder, 'cover.png');
    await sharp({ create: { width: 8000, height: 8000, channels: 3, background: 'white' } })
      .png()
      .toFile(coverFile);
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 1, coverFile });
    try {
      cluster.startAll();
      const address = cluster.address(1);
      while (!(await answers(address))) await later(10);
      const name = { client_name: 'Original', request_id: 1 };
      const asked = await exchange<{ TaskAssignmentResponse: Assignment }>(address, { TaskAssignmentRequest: name });
      const status = await exchange<{ TaskStatusResponse: Assignment }>(address, { TaskStatusQuery: name });
      const secret = randomBytes(1000);
      const task = { ...name, secret_image_data: [...secret], assigned_by_leader: 1 };
      const answer = exchange<{ TaskResponse: Answer }>(address, { TaskRequest: task });
      const { StatusResponse } = await exchange<{ StatusResponse: { phase: string; queued: number } }>(
        address,
        'StatusQuery',
      );
      expect(StatusResponse).toMatchObject({ phase: 'starting', queued: 1 });
      const here = { request_id: 1, assigned_server_id: 1, assigned_server_address: address };
      expect(asked.TaskAssignmentResponse).toMatchObject({ ...here, leader_id: 1 });
      expect(status.TaskStatusResponse).toEqual(here);
      const { TaskResponse } = await answer;
      expect(TaskResponse).toMatchObject({ request_id: 1, success: true, error_message: null });
      expect((await readCarrier(Buffer.from(TaskResponse.encrypted_image_data))).equals(secret)).toBe(true);
    } finally {
      await cluster.stop();
    }
  });
}, 120_000);
