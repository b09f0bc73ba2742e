import path from 'node:path';
import { systemClock } from '../../src/core/system/system-clock';
import type { RunServerOptions } from '../../src/server/run-server';
import { smallCover } from '../imaging/small-cover';
import { workerSource } from '../imaging/worker-source';

/** The options of server 1, which is alone and writes its files into this folder. */
export async function serverOptions(
  folder: string,
  address: string,
  change: Partial<RunServerOptions>,
): Promise<RunServerOptions> {
  const at = (name: string): string => path.join(folder, name);
  const bytes = { maxFrameBytes: 1e7, maxSecretBytes: 1e6, maxResponseBytes: 1e8 };
  return {
    member: {
      id: 1,
      address,
      peers: [],
      workers: 1,
      queueLimit: 64,
      version: '1.2.3',
      drainMs: 1000,
      timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    },
    address,
    limits: { ...bytes, maxConnections: 1000, frameTimeoutMs: 30_000 },
    workers: 1,
    compression: 'stored',
    cover: { bytes: await smallCover(), name: 'cover' },
    workerSource: workerSource(),
    eventsFile: at('events.ndjson'),
    pidFile: at('pid'),
    logFile: at('log'),
    logLevel: 'info',
    configPath: 'server.toml',
    clock: systemClock,
    ...change,
  };
}
