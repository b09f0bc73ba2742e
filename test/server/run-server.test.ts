import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { exitCodeOf } from '../../src/core/errors';
import { systemClock } from '../../src/core/system-clock';
import { runServer, type RunServerOptions } from '../../src/server/run-server';
import { smallCover } from '../imaging/small-cover';
import { workerSource } from '../imaging/worker-source';
import { deadAddress } from '../status/listening';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';

let folder = '';
const at = (name: string): string => path.join(folder, name);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-server-'))));
afterEach(() => rmSync(folder, { recursive: true }));

async function optionsOf(address: string, change: Partial<RunServerOptions>): Promise<RunServerOptions> {
  const bytes = { maxFrameBytes: 1e7, maxSecretBytes: 1e6, maxResponseBytes: 1e8 };
  return {
    member: {
      ...{ id: 1, address, peers: [], workers: 1, queueLimit: 64, version: '1.2.3', drainMs: 1000 },
      timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    },
    ...{ address, limits: { ...bytes, maxConnections: 1000, frameTimeoutMs: 30_000 } },
    ...{ workers: 1, compression: 'stored', cover: { bytes: await smallCover(), name: 'cover' } },
    ...{ workerSource: workerSource(), eventsFile: at('events.ndjson'), pidFile: at('pid'), logFile: at('log') },
    ...{ logLevel: 'info', configPath: 'server.toml', clock: systemClock },
    ...change,
  };
}

/** A connection to a server that is ready for tasks. */
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
  const running = runServer(await optionsOf(address, { workerSource: dying, leaveAtEndOf: input }));
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
    expect(error).toMatchObject({ code: 'internal', message: expect.stringContaining('no image workers any more') });
    expect(exitCodeOf(error)).toBe(1);
    expect(readFileSync(at('log'), 'utf8')).toContain('exit code 7: leaving');
    expect(readFileSync(at('events.ndjson'), 'utf8')).toContain('"stopped"');
    await client.closed();
  } finally {
    if (!isOver) input.destroy();
    await ended;
  }
}, 30_000);
