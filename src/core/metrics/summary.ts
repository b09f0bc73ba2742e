/** Folds request records into a client's `aggregated_stats`. Interrupted and unsent requests are in no total. */
import { CappedCounts } from './capped-counts';
import type { Centroid } from './digest';
import { isFixedReason, OTHER_REASONS } from './failure-reasons';
import { LatencyFold } from './latency-fold';
import { isUndecided } from './population';
import type { RequestRecord } from './record';
import { MAX_SERVERS, OTHER_SERVERS } from './servers';
import { WrongCarriers } from './wrong-carriers';

/** `aggregated_stats` of a client's file. Latencies are those of successful requests, null if there are none. */
export interface AggregatedStats {
  total_requests: number;
  successful_requests: number;
  failed_requests: number;
  /** Percent of the total; 0 if there are none. */
  failure_rate: number;
  latency_min_ms: number | null;
  latency_max_ms: number | null;
  latency_avg_ms: number | null;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  latency_p99_ms: number | null;
  /**
   * Requests by the id of the server that answered or failed last, failed ones included; ids beyond the first 100 count
   * as 0.
   */
  server_distribution: Record<string, number>;
  /** Server-worded reasons beyond the first 50 count as `Other reasons`. */
  failure_reasons: Record<string, number>;
  /**
   * Wrong carriers by the id of the server that sent them, also those of requests that succeeded elsewhere or are
   * undecided; ids that are unknown or beyond the first 100 count as 0.
   */
  wrong_carriers: Record<string, number>;
  retry_count: number;
  /** Requests that were also sent to a second server. */
  hedged_requests: number;
  bytes_sent: number;
  bytes_received: number;
}

const MAX_REASONS = 50;

type Folded = Pick<
  RequestRecord,
  | 'latency_ms'
  | 'success'
  | 'outcome'
  | 'failure_reason'
  | 'assigned_server_id'
  | 'retry_count'
  | 'hedged'
  | 'bytes_sent'
  | 'bytes_received'
  | 'wrong_carriers'
>;

export class Summary {
  /** Latencies of successful requests. */
  readonly latencies = new LatencyFold();
  private failed = 0;
  private retries = 0;
  private hedged = 0;
  private bytesSent = 0;
  private bytesReceived = 0;
  private readonly byServer = new CappedCounts(MAX_SERVERS, OTHER_SERVERS);
  private readonly wrong = new WrongCarriers();
  private readonly byReason = new CappedCounts<string>(MAX_REASONS, OTHER_REASONS, isFixedReason);

  add(record: Folded): void {
    this.wrong.add(record);
    if (isUndecided(record)) return;
    const { success, assigned_server_id: serverId } = record;
    if (success) this.latencies.add(record.latency_ms);
    else {
      this.failed += 1;
      this.byReason.add(record.failure_reason ?? 'unknown');
    }
    if (serverId !== null) this.byServer.add(serverId);
    this.retries += record.retry_count;
    if (record.hedged) this.hedged += 1;
    this.bytesSent += record.bytes_sent;
    this.bytesReceived += record.bytes_received;
  }

  get totalCount(): number {
    return this.latencies.count + this.failed;
  }

  get failedCount(): number {
    return this.failed;
  }

  stats(): AggregatedStats {
    const failed = this.failed;
    const total = this.totalCount;
    const { min_ms, max_ms, avg_ms, p50_ms, p95_ms, p99_ms } = this.latencies.figures();
    return {
      total_requests: total,
      successful_requests: total - failed,
      failed_requests: failed,
      failure_rate: total === 0 ? 0 : (failed / total) * 100,
      latency_min_ms: min_ms,
      latency_max_ms: max_ms,
      latency_avg_ms: avg_ms,
      latency_p50_ms: p50_ms,
      latency_p95_ms: p95_ms,
      latency_p99_ms: p99_ms,
      server_distribution: sorted(this.byServer.all, ([a], [b]) => a - b),
      failure_reasons: sorted(this.byReason.all, (a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
      wrong_carriers: this.wrong.toJson(),
      retry_count: this.retries,
      hedged_requests: this.hedged,
      bytes_sent: this.bytesSent,
      bytes_received: this.bytesReceived,
    };
  }

  /** Returns `latency_digest`: the latencies of successful requests, to be merged with those of other clients. */
  centroids(): Centroid[] {
    return this.latencies.centroids();
  }
}

/** Returns the `aggregated_stats` of these records. */
export function summarize(records: Iterable<Folded>): AggregatedStats {
  const summary = new Summary();
  for (const record of records) summary.add(record);
  return summary.stats();
}

function sorted<K extends string | number>(
  counts: Map<K, number>,
  order: (a: [K, number], b: [K, number]) => number,
): Record<string, number> {
  return Object.fromEntries([...counts].sort(order));
}
