import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/core/system/system-clock';
import { startProbe } from '../../src/faults/session/probe';
import { randomBytes } from '../imaging/pictures';
import { assignsTo, HostileServer, type Answers, type Said, successHead } from '../support/hostile-server';
import { frame } from '../support/raw';
import { clientOf, closeAll, startServers } from './clients';
import { carrierOf } from './scripted-server';

const MB = 1024 * 1024;
const image = { name: 'x', bytes: randomBytes(20_000) };
const hostiles: HostileServer[] = [];

afterEach(async () => {
  await closeAll();
  await Promise.all(hostiles.splice(0).map((server) => server.close()));
});

async function hostile(answers: Answers): Promise<HostileServer> {
  const server = await HostileServer.start(answers);
  hostiles.push(server);
  return server;
}

const own = (server: HostileServer): string => server.address;

/** Answers correctly after these additional bytes. */
const after = (first: (said: Said) => Buffer): Answers => ({
  ...assignsTo(9, own),
  TaskRequest: (said) => {
    const carrier = carrierOf(said.body);
    said.connection.send(Buffer.concat([first(said), successHead(said, carrier.length), carrier]));
  },
});

const late = (request_id: number, bytes: number): Buffer =>
  Buffer.concat([
    successHead({ kind: '', fields: { request_id }, body: Buffer.alloc(0), connection: undefined! }, bytes),
    Buffer.alloc(bytes),
  ]);

describe('unsolicited messages', () => {
  const many = (count: number, message: unknown): Buffer =>
    Buffer.concat(Array.from({ length: count }, () => frame(JSON.stringify(message))));

  it.each<[string, () => Buffer]>([
    ['messages of a kind that is not known', () => many(90, { News: {} })],
    ['answers of no request', () => late(99, 200_000)],
  ])('%s are tolerated, if they are few', async (_, first) => {
    const server = await hostile(after(first));
    expect(await clientOf([server.address]).request(image, 1)).toMatchObject({ success: true, retry_count: 0 });
  });

  it.each<[string, () => Buffer]>([
    ['messages of a kind that is not known', () => many(200, { News: {} })],
    ['Errors', () => many(200, { Error: { code: 'x', message: 'y' } })],
    ['assignments', () => many(200, { TaskAssignmentResponse: { request_id: 99 } })],
    ['answers of no request', () => Buffer.concat(Array.from({ length: 6 }, () => late(99, 300_000)))],
  ])('endless %s break the protocol', async (_, first) => {
    const server = await hostile(after(first));
    const [good] = await startServers({});
    const client = clientOf([server.address, good!.address], { random: () => 0 });
    expect(await client.request(image, 1)).toMatchObject({ success: true, retry_count: 1 });
  });

  it.each<[string, (said: Said) => Buffer]>([
    ['an answer of 4 GB', (said) => successHead(said, 2 ** 32 - 1024)],
    ['an unknown message of 4 GB', () => Buffer.from('\xff\xff\xff\xff\x01\0\0\0\x06"News"', 'latin1')],
    ['integers for 4 GB', () => Buffer.from('\xff\xff\xff\xff{"TaskRequest":{"secret_image_data":[', 'latin1')],
    ['integers of an answer for 4 GB', () => Buffer.from('\xff\xff\xff\xff{"TaskResponse":{', 'latin1')],
    ['JSON of 1 MB', () => Buffer.from('\0\x0f\xff\xff{"Error":', 'latin1')],
  ])('nothing is read of %s', async (_, first) => {
    const server = await hostile({
      ...assignsTo(1, own),
      TaskRequest: (said) => {
        said.connection.send(first(said));
        void said.connection.stream(Buffer.alloc(MB, '1,'), 2 ** 32);
      },
    });
    const record = await clientOf([server.address]).request(image, 1);
    expect(record.failure_reason).toMatch(/^Server error: broke the protocol: an? [\w ]+ of \d+ bytes, at most \d+ /);
    expect(server.sentBytes).toBeLessThan(32 * MB);
  });
});

it('ever-changing addresses and ids are not dialed forever', async () => {
  let count = 0;
  const server = await hostile({
    TaskAssignmentRequest: (said, self) =>
      assignsTo(++count + 10, () => `127.${count >> 7}.${count & 127}.1:1`)['TaskAssignmentRequest']!(said, self),
    TaskRequest: after(() => Buffer.alloc(0))['TaskRequest']!,
  });
  const client = clientOf([server.address]);
  const retries: number[] = [];
  for (let id = 1; id <= 150; id++) {
    const { success, retry_count } = await client.request(image, id);
    expect(success).toBe(true);
    retries.push(retry_count);
  }
  // Each of the first ones was tried once.
  expect(retries.reduce((sum, each) => sum + each)).toBe(64);
  expect(retries.slice(-50).every((each) => each === 0)).toBe(true);
});

it('the probe of `faults` writes server messages as one printable line', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-probe-'));
  try {
    const file = path.join(folder, 'probe.ndjson');
    const server = await hostile({
      ...assignsTo(1, own),
      TaskRequest: ({ connection, fields: { request_id } }) => {
        const error_message = '\u001b[31m\r\n\u009b\u202e';
        const response = { request_id, success: false, error_message };
        connection.send(frame(JSON.stringify({ TaskResponse: response })));
      },
    });
    const addresses = [server.address];
    const probe = startProbe({ addresses, conditions: [], file, fileSource: 'file', clock: systemClock });
    while (server.all('TaskRequest').length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await probe.end();
    const reasons = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { failure_reason: string | null }).failure_reason);
    expect(reasons).toContain('Server error: \\u001b[31m\\u000d\\u000a\\u009b\\u202e');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
