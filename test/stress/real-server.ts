import { systemClock } from '../../src/core/system/system-clock';
import type { Compression } from '../../src/imaging/carrier-plan';
import { ImagePool } from '../../src/imaging/pool';
import { Server } from '../../src/server/server';
import { deadAddress } from '../status/listening';
import { smallCover } from '../imaging/small-cover';
import { workerSource } from '../imaging/worker-source';

const COMPRESSION: Compression = 'stored';

/** Runs `body` with the address of a real server alone in this process, on a real socket. */
export async function withRealServer<T>(body: (address: string) => Promise<T>): Promise<T> {
  const address = await deadAddress();
  const cover = await smallCover();
  const pool = new ImagePool({ workers: 1, compression: COMPRESSION, cover, workerSource: workerSource() });
  const bytes = { maxFrameBytes: 1e7, maxSecretBytes: 1e6, maxResponseBytes: 1e8 };
  const server = new Server({
    member: {
      id: 1,
      address,
      peers: [],
      workers: 1,
      queueLimit: 64,
      version: '0',
      drainMs: 1000,
      timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    },
    address,
    pool,
    clock: systemClock,
    log: () => undefined,
    record: () => true,
    limits: { ...bytes, maxConnections: 1000, frameTimeoutMs: 30_000 },
  });
  try {
    await server.start();
    return await body(address);
  } finally {
    await server.close();
    await pool.close();
  }
}
