import { VirtualClient, type ClientImage } from '../../src/client/client';
import { Hedging } from '../../src/client/attempt/hedging';
import type { RequestRecord } from '../../src/core/metrics/record';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import type { Secure } from '../../src/core/transport/network';

export type LoadRecord = RequestRecord & { client_name: string };

export interface Load {
  readonly records: LoadRecord[];
  /** Ends the loops after the requests in flight. */
  stop(): Promise<void>;
}

const stops: (() => Promise<void>)[] = [];
// A test that fails before it stops its load would otherwise keep the whole run from ending. (Benches have no hooks.)
if (typeof afterAll === 'function') {
  afterAll(async () => void (await Promise.all(stops.splice(0).map((stop) => stop()))), 30_000);
}

/** Clients in a closed loop with think times, inside this process, against real servers. */
export function startLoad(options: {
  addresses: readonly string[];
  clients: number;
  image: ClientImage;
  thinkMs?: number;
  requestTimeoutMs?: number;
  runId?: string;
  secure?: Secure;
}): Load {
  const { addresses, clients: count, image, thinkMs = 0, requestTimeoutMs = 10_000, runId = 'load', secure } = options;
  const hedging = new Hedging(count);
  const records: LoadRecord[] = [];
  let stopping = false;
  const loops = Array.from({ length: count }, async (_, index) => {
    const random = seededRandom(index + 1);
    const clientName = `Client_${index + 1}`;
    const client = new VirtualClient({
      clientId: index + 1,
      clientName,
      runId,
      addresses,
      requestTimeoutMs,
      hedging,
      random,
      secure,
      clock: systemClock,
    });
    for (let requestId = 1; !stopping; requestId++) {
      records.push({ ...(await client.request(image, requestId)), client_name: clientName });
      if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, 2 * random() * thinkMs));
    }
    await client.close();
  });
  const stop = async (): Promise<void> => {
    stopping = true;
    await Promise.all(loops);
  };
  stops.push(stop);
  return { records, stop };
}

/** The longest time between two successes of one client, in ms. */
export function longestGapMs(records: readonly LoadRecord[]): number {
  let longestMs = 0;
  const lastEnd = new Map<string, number>();
  for (const record of records) {
    const endMs = record.start_time + record.latency_ms;
    const before = lastEnd.get(record.client_name);
    if (before !== undefined) longestMs = Math.max(longestMs, endMs - before);
    lastEnd.set(record.client_name, endMs);
  }
  return longestMs;
}
