/** Checks a report against the thresholds that the user set; an unknown value does not pass. */
import { judgeThresholds, type Metric, type Threshold, type ThresholdResult } from '../../core/metrics/threshold';
import type { Report } from '../report';

const VALUES: Record<Metric, (report: Report) => number | null> = {
  // Nothing is known of requests that all have no record.
  failure_rate: (report) => (report.total_requests === report.missing_records ? null : report.failure_rate_max),
  min: (report) => report.all_stats.min_ms,
  avg: (report) => report.all_stats.avg_ms,
  p50: (report) => report.all_stats.median_ms,
  p95: (report) => report.all_stats.p95_ms,
  p99: (report) => report.all_stats.p99_ms,
  'p99.9': (report) => report.all_stats.p99_9_ms,
  max: (report) => report.all_stats.max_ms,
  recovery: (report) => worst(report, 'recovered_ms'),
  felt: (report) => worst(report, 'felt_ms'),
  imbalance: (report) => report.balance.total_max_over_mean,
  throughput: (report) => report.goodput_per_s,
};

export function checkThresholds(report: Report, thresholds: readonly Threshold[]): ThresholdResult[] {
  return judgeThresholds(thresholds, (metric) => VALUES[metric](report));
}

/** Returns the worst of all faults; null if there were none or one is unknown. */
function worst({ faults }: Report, measure: 'recovered_ms' | 'felt_ms'): number | null {
  if (faults === null || faults.length === 0) return null;
  const times = faults.map((fault) => fault[measure]);
  return times.includes(null) ? null : Math.max(...(times as number[]));
}
