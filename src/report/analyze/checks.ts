/** Checks a report against the thresholds that the user set; an unknown value does not pass. */
import { judgeThresholds, type Metric, type Threshold, type ThresholdResult } from '../../core/metrics/threshold';
import type { Report } from '../report';

const VALUES: Record<Metric, (report: Report) => number | null> = {
  failure_rate: (report) => (report.total_requests === 0 ? null : report.failure_rate),
  min: (report) => report.latency_stats.min_ms,
  avg: (report) => report.latency_stats.avg_ms,
  p50: (report) => report.latency_stats.median_ms,
  p95: (report) => report.latency_stats.p95_ms,
  p99: (report) => report.latency_stats.p99_ms,
  'p99.9': (report) => report.p99_9_ms,
  max: (report) => report.latency_stats.max_ms,
  recovery: worstRecoveryMs,
  imbalance: (report) => report.balance.total_max_over_mean,
  throughput: (report) => report.throughput_per_s,
};

export function checkThresholds(report: Report, thresholds: readonly Threshold[]): ThresholdResult[] {
  return judgeThresholds(thresholds, (metric) => VALUES[metric](report));
}

/** Returns the slowest return to baseline; null if there were no faults or one is unknown. */
function worstRecoveryMs({ faults }: Report): number | null {
  if (faults === null || faults.length === 0) return null;
  const times = faults.map((fault) => fault.back_to_baseline_ms);
  return times.includes(null) ? null : Math.max(...(times as number[]));
}
