import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { inFolder, PROGRAM } from '../support/program';
import { envelopeHead, frame, plain, RawConnection, taskRequest } from '../support/raw';

const BODY = readFileSync(path.join(__dirname, '../../test_images/large.png')).subarray(0, 2_000_000);
const TASKS = 16;
const WORKERS = '[processing]\nworkers = 1\n';

const request = (id: number): Buffer => Buffer.concat([envelopeHead(taskRequest('Half', id), BODY.length), BODY]);

/** Asks as a shell pipe does: sends everything, ends its stream, and reads until the other end. */
async function askAndEnd(address: string, bytes: Buffer): Promise<RawConnection> {
  const connection = await RawConnection.open(address);
  connection.socket.allowHalfOpen = true;
  connection.socket.end(bytes);
  return connection;
}

test('answers requests and queries whose sender ends its stream at once', async () => {
  await inCluster({ servers: 3, extraToml: WORKERS }, async (cluster) => {
    const { leaderId } = await cluster.agreement();
    const follower = cluster.address(cluster.ids.find((id) => id !== leaderId)!);
    const task = await askAndEnd(follower, request(1));
    expect((await task.next(20_000)).body.length).toBeGreaterThan(BODY.length);
    await task.closed();
    // More than one worker can take: the last waits for all others.
    const many = await askAndEnd(follower, Buffer.concat(Array.from({ length: 8 }, (_, index) => request(index + 10))));
    for (let count = 0; count < 8; count++) {
      expect((await many.next(20_000)).message).toMatchObject({ TaskResponse: { success: true } });
    }
    await many.closed();
    const text = JSON.stringify(taskRequest('Plain', 1)).slice(0, -2);
    const original = await askAndEnd(follower, frame(`${text},"secret_image_data":[${'7,'.repeat(200_000)}7]}}`));
    expect((await original.next(20_000)).message).toMatchObject({ TaskResponse: { success: true } });
    await original.closed();
    // Relayed to the leader: the answer comes long after the stream has ended.
    const name = { client_name: 'Half', request_id: 99, run_id: 'raw' };
    const questions = [
      [{ TaskAssignmentRequest: name }, 'TaskAssignmentResponse.leader_id', leaderId],
      [{ LeaderCheck: { check_id: 7, hops_left: 1 } }, 'LeaderCheckResponse.lives', true],
      ['LeaderQuery', 'LeaderResponse.leader_id', leaderId],
    ] as const;
    for (const [question, field, value] of questions) {
      const connection = await askAndEnd(follower, plain(question));
      expect((await connection.next()).message).toHaveProperty(field, value);
      await connection.closed();
    }
  });
}, 60_000);

test('does not execute queued tasks of a client that reset its connection or is found gone', async () => {
  await inCluster({ servers: 1, extraToml: WORKERS }, async (cluster) => {
    const outcomesOf = (name: string): string[] =>
      cluster
        .events(1)
        .flatMap((event) => (event.event === 'executed' && event.client_name === name ? [event.outcome] : []));
    for (const how of ['resetAndDestroy', 'destroy'] as const) {
      // A client that does not read holds the only worker for a while, so that others wait.
      const blocker = await RawConnection.open(cluster.address(1));
      blocker.stopReading();
      for (let id = 0; id < 8; id++) blocker.send(request(id));
      const leaver = await RawConnection.open(cluster.address(1));
      type Status = { StatusResponse: { queued: number } };
      while (((await leaver.ask('StatusQuery')) as Status).StatusResponse.queued < 4);
      const secret = Buffer.alloc(400_000, 7);
      for (let id = 0; id < TASKS; id++) {
        leaver.send(Buffer.concat([envelopeHead(taskRequest(how, id), secret.length), secret]));
      }
      expect(await leaver.ask('StatusQuery')).toHaveProperty('StatusResponse.active', 1);
      leaver.socket[how]();
      await cluster.until('all of them have ended', () => outcomesOf(how).length === TASKS);
      const executed = outcomesOf(how).filter((outcome) => outcome !== 'connection closed').length;
      console.log(`${how}: ${executed} of ${TASKS} executed`);
      expect(executed).toBeLessThanOrEqual(how === 'destroy' ? 4 : 0);
      blocker.destroy();
    }
  });
}, 60_000);

(HAS_OPENSSL ? test : test.skip)(
  'with TLS, too',
  async () => {
    await inFolder(async (folder) => {
      const lab = new LabCa(folder);
      const extraToml = `${WORKERS}${lab.toml('server-1')}`;
      const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 1, extraToml });
      try {
        cluster.startAll();
        await cluster.ready();
        // allowHalfOpen is documented, but not in the types.
        const options = { allowHalfOpen: true, checkServerIdentity: () => undefined, ...lab.pem('client') };
        const socket = connectTls({ host: '127.0.0.1', port: cluster.ports[0]!, ...options });
        let readBytes = 0;
        socket.on('data', (chunk: Buffer) => void (readBytes += chunk.length));
        const closed = new Promise<void>((resolve, reject) => socket.once('end', resolve).once('error', reject));
        socket.once('secureConnect', () => socket.end(Buffer.concat([request(1), request(2)])));
        await closed;
        expect(readBytes).toBeGreaterThan(2 * BODY.length);
      } finally {
        await cluster.stop();
      }
    });
  },
  60_000,
);

test("clients that end their stream and do not read hold up neither the server's exit nor its memory", async () => {
  await inCluster({ servers: 1 }, async (cluster) => {
    const clients = await Promise.all([1, 2, 3, 4].map((id) => askAndEnd(cluster.address(1), request(id))));
    for (const client of clients) client.stopReading();
    const isDone = (): boolean =>
      cluster.events(1).filter(({ event }) => event === 'executed').length === clients.length;
    await cluster.until('all are answered', isDone);
    const startMs = performance.now();
    cluster.signal(1, 'SIGTERM');
    expect(await cluster.exited(1)).toBe(0);
    // 5 s to leave, and a second for the other side.
    expect(performance.now() - startMs).toBeLessThan(9000);
    for (const client of clients) client.destroy();
  });
}, 60_000);
