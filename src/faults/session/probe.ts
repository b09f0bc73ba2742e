/** The probe of `--abort-when`: its own small load, so that the conditions do not depend on any other. */
import { randomUUID } from 'node:crypto';
import { VirtualClient } from '../../client/client';
import { Hedging } from '../../client/attempt/hedging';
import { newClientLoop } from '../../client/client-loop';
import type { Clock } from '../../core/environment';
import type { Secure } from '../../core/transport/network';
import type { Threshold } from '../../core/metrics/threshold';
import { RecordFile } from '../../files/record-file';
import { ProbeWindow } from '../probe-window';

const RATE_PER_SECOND = 5;
const REQUEST_TIMEOUT_MS = 10_000;
/** Size of one task's secret: small, because the probe measures the cluster and not the bandwidth. */
const SECRET_BYTES = 256;
const FLUSH_MS = 1000;
const NAME = 'Fault_Probe';

export interface ProbeOptions {
  /** host:port, at least one. */
  addresses: readonly string[];
  conditions: readonly Threshold[];
  /** The file that RequestRecord lines are appended to; null to discard them. */
  file: string | null;
  /** The name of the file in errors. */
  fileSource: string;
  /** Default: no TLS. */
  secure?: Secure;
  clock: Clock;
}

export interface Probe {
  /** Aborted when a condition is true; the reason names it with the measured value. */
  crossed: AbortSignal;
  end(): Promise<void>;
}

/** Sends small tasks at a fixed rate, and evaluates the abort conditions over the results. */
export function startProbe({ addresses, conditions, file, fileSource, secure, clock }: ProbeOptions): Probe {
  const how = { flushMs: FLUSH_MS, what: fileSource, onError: () => undefined };
  const records = file === null ? null : new RecordFile(file, how);
  const window = new ProbeWindow();
  const crossed = new AbortController();
  const client = new VirtualClient({
    clientId: 1,
    clientName: NAME,
    runId: randomUUID(),
    addresses,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    hedging: new Hedging(1),
    random: Math.random,
    clock,
    secure,
  });
  let lastId = 0;
  const loop = newClientLoop({
    images: [{ name: 'probe', bytes: Buffer.alloc(SECRET_BYTES, NAME) }],
    pacing: { mode: 'rate', ratePerSecond: RATE_PER_SECOND },
    random: Math.random,
    clock,
    async send(image, intendedStartMs) {
      const record = await client.request(image, ++lastId, { intendedStartMs });
      records?.append(JSON.stringify(record));
      window.add(record, clock.monotonicMs());
      const seen = window.crossed(conditions, clock.monotonicMs());
      if (seen !== null && !crossed.signal.aborted) crossed.abort(seen);
    },
  });
  const done = loop.run();
  return {
    crossed: crossed.signal,
    async end() {
      loop.stop();
      await client.close();
      await done;
      records?.close();
    },
  };
}
