import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { exitCodeOf } from '../../src/core/errors';
import { runServer } from '../../src/server/run-server';
import { workerSource } from '../imaging/worker-source';
import { deadAddress } from '../status/listening';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';
import { serverOptions } from '../support/server-options';

let folder = '';
const at = (name: string): string => path.join(folder, name);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-server-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Connects to a server that is ready for tasks. */
async function connected(address: string): Promise<RawConnection> {
  for (;;) {
    const client = await RawConnection.open(address).catch(() => null);
    const answer = client === null ? '' : JSON.stringify(await client.ask('StatusQuery'));
    if (answer.includes('"phase":"ready"')) return client!;
    client?.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('a server whose workers keep dying sends tasks elsewhere, leaves, and ends with an error', async () => {
  const address = await deadAddress();
  const input = new PassThrough();
  const dying = `${workerSource()}\nrequire('node:worker_threads').parentPort.on('message', () => process.exit(7));`;
  const running = runServer(await serverOptions(folder, address, { workerSource: dying, leaveAtEndOf: input }));
  let isOver = false;
  const ended = running.catch((error: unknown) => error).finally(() => (isOver = true));
  try {
    const client = await connected(address);
    const secret = Buffer.alloc(300_000, 7);
    for (let id = 1; id <= 5; id++) {
      client.send(Buffer.concat([envelopeHead(taskRequest('Client', id), secret.length), secret]));
      const { message } = await client.next();
      expect(message).toMatchObject({ TaskResponse: { success: false, error_code: 'overloaded' } });
    }
    const error = await ended;
    expect(error).toMatchObject({ code: 'internal', message: expect.stringContaining('no image workers left') });
    expect(exitCodeOf(error)).toBe(1);
    expect(readFileSync(at('log'), 'utf8')).toContain('exit code 7: leaving');
    expect(readFileSync(at('events.ndjson'), 'utf8')).toContain('"stopped"');
    await client.closed();
  } finally {
    if (!isOver) input.destroy();
    await ended;
  }
}, 30_000);

it('leaves when its input ends before it listens for clients, as a test may do that sees its metrics', async () => {
  const input = new PassThrough();
  const options = await serverOptions(folder, await deadAddress(), { leaveAtEndOf: input });
  const clock = { ...options.clock };
  // First called for the pid file, which is prepared just before the server listens.
  clock.unixMs = (at) => {
    input.destroy();
    return options.clock.unixMs(at);
  };
  expect(await runServer({ ...options, clock })).toBe(0);
}, 30_000);
