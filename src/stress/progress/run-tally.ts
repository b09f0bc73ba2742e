/** The outcomes of all requests of a run, and their comparison with thresholds. Pure. */
import { Tally } from '../../client/tally';
import { LatencyFold } from '../../core/metrics/latency-fold';
import { WrongCarriers } from '../../core/metrics/wrong-carriers';
import { isUndecided, Population } from '../../core/metrics/population';
import type { RequestRecord } from '../../core/metrics/record';
import {
  judgeThresholds,
  type Metric,
  foundText,
  type Threshold,
  type ThresholdResult,
} from '../../core/metrics/threshold';

/** With fewer samples, a p99 is just the slowest. */
const ENOUGH = 100;

export class RunTally {
  /** The requests that were due after the warm-up. */
  readonly measured = new Tally();
  readonly population: Population;
  /** Latencies of their successes, from the send. */
  readonly service = new LatencyFold();
  /** Also those in the warm-up. */
  readonly wrong = new WrongCarriers();
  /** The number of requests that ended, also in the warm-up. */
  endedCount = 0;
  /** Unix milliseconds. */
  private measuredFrom = -Infinity;

  /**
   * @param longestMs the longest that a success can take; see Population
   * @param serverCount the servers that there are to be used
   */
  constructor(
    private readonly warmupMs: number,
    longestMs: number,
    private readonly serverCount: number,
  ) {
    this.population = new Population(longestMs);
  }

  /** The load begins (Unix milliseconds): requests that are due in the warm-up after it are not measured. */
  begin(startedAt: number): void {
    this.measuredFrom = startedAt + this.warmupMs;
  }

  /** Returns true if it was due after the warm-up. */
  add(record: RequestRecord): boolean {
    if (!isUndecided(record)) this.endedCount += 1;
    this.wrong.add(record);
    if (record.start_time < this.measuredFrom) return false;
    this.measured.add(record);
    this.population.add(record);
    if (record.success) this.service.add(record.service_ms);
    return true;
  }

  /** Compares the requests so far with each threshold; `now` in Unix milliseconds. */
  judge(thresholds: readonly Threshold[], now: number): ThresholdResult[] {
    const quantile = this.population.latencies.quantiles();
    const secs = (now - this.measuredFrom) / 1000;
    return judgeThresholds(thresholds, (metric) => this.valueOf(metric, quantile, secs));
  }

  /** Returns the first threshold that is crossed, once there are enough requests to tell. */
  crossed(thresholds: readonly Threshold[], now: number): ThresholdResult | undefined {
    if (thresholds.length === 0 || this.population.totalCount < ENOUGH) return undefined;
    return this.judge(thresholds, now).find(({ passed, value }) => !passed && value !== null);
  }

  private valueOf(metric: Metric, quantile: (q: number) => number | null, secs: number): number | null {
    const { population, measured } = this;
    switch (metric) {
      case 'failure_rate':
        return population.mostFailedPercent;
      case 'throughput':
        return secs > 0 ? population.successCount / secs : null;
      case 'imbalance':
        return imbalance(Object.values(measured.summary.stats().server_distribution), this.serverCount);
      case 'recovery':
      case 'felt':
        return null;
      case 'min':
      case 'avg':
      case 'max':
        return population.latencies.figures()[`${metric}_ms`];
      default:
        return quantile(Number(metric.slice(1)) / 100);
    }
  }
}

/** Formats `Threshold p99<800ms: passed (23.40 ms)`. */
export function thresholdText(result: ThresholdResult): string {
  const { expression, passed } = result;
  return `Threshold ${expression.replace(/\s+/g, '')}: ${passed ? 'passed' : 'crossed'} (${foundText(result)})`;
}

/** Returns the ratio of the largest share to the mean of all servers, also of those that got nothing. */
function imbalance(counts: readonly number[], serverCount: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? null : (Math.max(...counts) * Math.max(counts.length, serverCount)) / total;
}
