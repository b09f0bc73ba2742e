import { type Centroid, Digest, exactQuantile } from './digest';
import type { RequestRecord } from './record';

/** `aggregated_stats` of a client's file. Latencies are of successful requests, null when there are none. */
export interface AggregatedStats {
  total_requests: number;
  successful_requests: number;
  failed_requests: number;
  /** Percent of the total; 0 of none. */
  failure_rate: number;
  latency_min_ms: number | null;
  latency_max_ms: number | null;
  latency_avg_ms: number | null;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  latency_p99_ms: number | null;
  /** Requests by the id of the server that answered or failed last, failed ones too. */
  server_distribution: Record<string, number>;
  failure_reasons: Record<string, number>;
  retry_count: number;
  bytes_sent: number;
  bytes_received: number;
}

type Folded = Pick<
  RequestRecord,
  | 'latency_ms'
  | 'success'
  | 'outcome'
  | 'failure_reason'
  | 'assigned_server_id'
  | 'retry_count'
  | 'bytes_sent'
  | 'bytes_received'
>;

/** So many latencies are kept as they are; beyond, a digest holds them all. */
export const EXACT_COUNT = 100_000;

/** Folds request records into `aggregated_stats`. Interrupted and unsent requests are in no total. */
export class Summary {
  #successful = 0;
  #failed = 0;
  #minMs = Infinity;
  #maxMs = -Infinity;
  #sumMs = 0;
  #retries = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  readonly #byServer = new Map<number, number>();
  readonly #byReason = new Map<string, number>();
  #latenciesMs: number[] = [];
  #digest: Digest | undefined;

  add(record: Folded): void {
    const { outcome, success, assigned_server_id: serverId } = record;
    if (outcome === 'interrupted' || outcome === 'unsent') return;
    if (success) this.#succeed(record.latency_ms);
    else {
      this.#failed += 1;
      count(this.#byReason, record.failure_reason ?? 'unknown');
    }
    if (serverId !== null) count(this.#byServer, serverId);
    this.#retries += record.retry_count;
    this.#bytesSent += record.bytes_sent;
    this.#bytesReceived += record.bytes_received;
  }

  get totalCount(): number {
    return this.#successful + this.#failed;
  }

  get failedCount(): number {
    return this.#failed;
  }

  stats(): AggregatedStats {
    const successful = this.#successful;
    const failed = this.#failed;
    const total = successful + failed;
    const orNull = (value: number): number | null => (successful === 0 ? null : value);
    const quantile = this.#quantiles();
    return {
      total_requests: total,
      successful_requests: successful,
      failed_requests: failed,
      failure_rate: total === 0 ? 0 : (failed / total) * 100,
      latency_min_ms: orNull(this.#minMs),
      latency_max_ms: orNull(this.#maxMs),
      latency_avg_ms: orNull(this.#sumMs / successful),
      latency_p50_ms: quantile(0.5),
      latency_p95_ms: quantile(0.95),
      latency_p99_ms: quantile(0.99),
      server_distribution: sorted(this.#byServer, ([a], [b]) => a - b),
      failure_reasons: sorted(this.#byReason, (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
      retry_count: this.#retries,
      bytes_sent: this.#bytesSent,
      bytes_received: this.#bytesReceived,
    };
  }

  /** `latency_digest`: the latencies of successful requests, ready to be merged with those of other clients. */
  centroids(): Centroid[] {
    return (this.#digest ?? digestOf(this.#latenciesMs)).toCentroids();
  }

  #succeed(latencyMs: number): void {
    this.#successful += 1;
    this.#sumMs += latencyMs;
    this.#minMs = Math.min(this.#minMs, latencyMs);
    this.#maxMs = Math.max(this.#maxMs, latencyMs);
    if (this.#digest) return this.#digest.add(latencyMs);
    this.#latenciesMs.push(latencyMs);
    if (this.#latenciesMs.length <= EXACT_COUNT) return;
    this.#digest = digestOf(this.#latenciesMs);
    this.#latenciesMs = [];
  }

  #quantiles(): (q: number) => number | null {
    const digest = this.#digest;
    if (digest) return (q) => digest.quantile(q);
    const values = Float64Array.from(this.#latenciesMs).sort();
    return (q) => exactQuantile(values, q);
  }
}

/** The `aggregated_stats` of these records. */
export function summarize(records: Iterable<Folded>): AggregatedStats {
  const summary = new Summary();
  for (const record of records) summary.add(record);
  return summary.stats();
}

function digestOf(valuesMs: readonly number[]): Digest {
  const digest = new Digest();
  for (const valueMs of valuesMs) digest.add(valueMs);
  return digest;
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted<K extends string | number>(
  counts: Map<K, number>,
  order: (a: [K, number], b: [K, number]) => number,
): Record<string, number> {
  return Object.fromEntries([...counts].sort(order));
}
