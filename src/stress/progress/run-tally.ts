/** The outcomes of all requests of a run, and their comparison with thresholds. Pure. */
import { Tally } from '../../client/tally';
import { LatencyFold } from '../../core/metrics/latency-fold';
import type { RequestRecord } from '../../core/metrics/record';
import { Summary } from '../../core/metrics/summary';
import {
  judgeThresholds,
  type Metric,
  resultText,
  type Threshold,
  type ThresholdResult,
} from '../../core/metrics/threshold';

/** With fewer samples, a p99 is just the slowest. */
const ENOUGH = 100;

export class RunTally {
  readonly all = new Tally();
  /** Latencies of successes, from the send. */
  readonly service = new LatencyFold();
  /** Unix milliseconds. */
  private measuredFrom = -Infinity;
  /** Without those of the warm-up. */
  private measured = this.all.summary;

  constructor(private readonly warmupMs: number) {}

  /** The load begins (Unix milliseconds); requests that start in the warm-up after it are excluded from thresholds. */
  begin(startedAt: number): void {
    this.measuredFrom = startedAt + this.warmupMs;
    if (this.warmupMs > 0) this.measured = new Summary();
  }

  add(record: RequestRecord): void {
    this.all.add(record);
    if (record.success) this.service.add(record.service_ms);
    if (this.measured !== this.all.summary && record.start_time >= this.measuredFrom) this.measured.add(record);
  }

  /** Compares the requests so far with each threshold; `now` in Unix milliseconds. */
  judge(thresholds: readonly Threshold[], now: number): ThresholdResult[] {
    const quantile = this.measured.latencies.quantiles();
    const secs = (now - this.measuredFrom) / 1000;
    return judgeThresholds(thresholds, (metric) => valueOf(metric, this.measured, quantile, secs));
  }

  /** Returns the first threshold that is crossed, once there are enough requests to tell. */
  crossed(thresholds: readonly Threshold[], now: number): ThresholdResult | undefined {
    if (thresholds.length === 0 || this.measured.totalCount < ENOUGH) return undefined;
    return this.judge(thresholds, now).find(({ passed, value }) => !passed && value !== null);
  }
}

/** Formats `Threshold p99<800ms: passed (23.40 ms)`. */
export function thresholdText({ expression, value, unit, passed }: ThresholdResult): string {
  const found = value === null ? 'unknown' : resultText(value.toFixed(2), unit);
  return `Threshold ${expression.replace(/\s+/g, '')}: ${passed ? 'passed' : 'crossed'} (${found})`;
}

function valueOf(
  metric: Metric,
  summary: Summary,
  quantile: (q: number) => number | null,
  secs: number,
): number | null {
  const { totalCount, failedCount } = summary;
  switch (metric) {
    case 'failure_rate':
      return totalCount === 0 ? null : (failedCount / totalCount) * 100;
    case 'throughput':
      return secs > 0 ? totalCount / secs : null;
    case 'imbalance':
      return imbalance(Object.values(summary.stats().server_distribution));
    case 'recovery':
      return null;
    case 'min':
    case 'avg':
    case 'max':
      return summary.latencies.figures()[`${metric}_ms`];
    default:
      return quantile(Number(metric.slice(1)) / 100);
  }
}

/** Returns the ratio of the largest share to the mean. */
function imbalance(counts: readonly number[]): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? null : (Math.max(...counts) * counts.length) / total;
}
