/** The file with one client's metrics, metrics/machine_{n}_client_{i}.json: its content, and writing it. */
import type { Centroid } from '../core/metrics/digest';
import type { AggregatedStats, Summary } from '../core/metrics/summary';
import { writeWhole } from '../files/write-whole';

export interface ClientMetrics {
  client_name: string;
  machine_id: number;
  client_id: number;
  run_id: string;
  /** Unix milliseconds. */
  started_at: number;
  test_duration_secs: number;
  interrupted: boolean;
  aggregated_stats: AggregatedStats;
  /** Centroids of the successful requests' latencies: [mean_ms, count]. */
  latency_digest: Centroid[];
}

/** The fields of a client's file other than its figures. */
export type ClientMetricsHead = Omit<ClientMetrics, 'aggregated_stats' | 'latency_digest'>;

/** Returns a client's file as of the end of its run. */
export function clientMetrics(head: ClientMetricsHead, summary: Summary): ClientMetrics {
  return { ...head, aggregated_stats: summary.stats(), latency_digest: summary.centroids() };
}

/**
 * Writes the file atomically.
 * @throws ClusterError `bad_usage` naming the file; `interrupted` if `signal` aborts a wait for a reader
 */
export function writeClientMetrics(file: string, metrics: ClientMetrics, signal?: AbortSignal): Promise<void> {
  const { latency_digest: digest, ...rest } = metrics;
  // Hundreds of centroids, one per line, would bury the figures that people look for.
  const text = `${JSON.stringify(rest, null, 2).slice(0, -2)},\n  "latency_digest": ${JSON.stringify(digest)}\n}\n`;
  return writeWhole(file, text, signal);
}
