import type { ServerEvent } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';
import { ImagePool } from '../../src/imaging/pool';
import { Server } from '../../src/server/server';
import { smallCover } from '../imaging/small-cover';
import { workerSource } from '../imaging/worker-source';
import { deadAddress } from '../status/listening';

export interface RealServer {
  server: Server;
  address: string;
  /** The events that it has recorded so far. */
  events: ServerEvent[];
}

/** Runs `body` with a real server alone in this process, on a real socket, ready for tasks. */
export async function withServer(
  options: { drainMs?: number; record?: (event: ServerEvent) => void },
  body: (real: RealServer) => Promise<void>,
): Promise<void> {
  const { drainMs = 5000, record } = options;
  const address = await deadAddress();
  const cover = await smallCover();
  const pool = new ImagePool({ workers: 2, compression: 'stored', cover, workerSource: workerSource() });
  const bytes = { maxFrameBytes: 64e6, maxSecretBytes: 7e6, maxResponseBytes: 5e8 };
  const events: ServerEvent[] = [];
  const server = new Server({
    member: {
      id: 1,
      address,
      peers: [],
      workers: 2,
      queueLimit: 64,
      version: '0',
      drainMs,
      timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    },
    address,
    pool,
    clock: systemClock,
    log: () => undefined,
    record: (event) => {
      events.push(event);
      record?.(event);
      return true;
    },
    limits: { ...bytes, maxConnections: 1000, frameTimeoutMs: 30_000 },
  });
  try {
    await server.start();
    await pool.ready;
    await body({ server, address, events });
  } finally {
    await server.close();
    await pool.close();
  }
}
