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
import { toMicros } from '../../core/to-micros';
import { ENOUGH, PresentFigures } from './present-figures.pure';

/** The rates of a run, over the time from the first request that was due after the warm-up to the end. */
export interface RunRates {
  durationSecs: number;
  /** Successes per second; 0 if the duration is. */
  goodputPerSecond: number;
  /** Requests due per second; 0 if the duration is. */
  attemptedPerSecond: number;
}

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
  /** Unix milliseconds; Infinity if none was. */
  private firstDue = Infinity;

  /**
   * @param longestMs the longest that a success can take; see Population
   * @param serverCount the servers that there are to be used
   */
  constructor(
    private readonly warmupMs: number,
    private readonly longestMs: number,
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
    this.firstDue = Math.min(this.firstDue, record.start_time);
    this.measured.add(record);
    this.population.add(record);
    if (record.success) this.service.add(record.service_ms);
    return true;
  }

  /** Compares all requests with each threshold; the run ended at `endedAt` (Unix milliseconds). */
  judge(thresholds: readonly Threshold[], endedAt: number): ThresholdResult[] {
    const quantile = this.population.latencies.quantiles();
    return judgeThresholds(thresholds, (metric) => this.valueOf(metric, quantile, endedAt));
  }

  /** Returns the rates of the run that ended at `endedAt`, as the report has them. */
  rates(endedAt: number): RunRates {
    const { successCount, totalCount } = this.population;
    const durationSecs = toMicros(Math.max(0, endedAt - this.firstDue) / 1000);
    const perSecond = (count: number): number => (durationSecs === 0 ? 0 : count / durationSecs);
    return {
      durationSecs,
      goodputPerSecond: perSecond(successCount),
      attemptedPerSecond: perSecond(totalCount),
    };
  }

  /**
   * Returns the first threshold that is crossed, once there are enough requests to tell.
   * @param now Unix milliseconds
   * @param undecided when each request was due that is in flight or waits for a client
   */
  crossed(thresholds: readonly Threshold[], now: number, undecided: readonly number[]): ThresholdResult | undefined {
    const agesMs = undecided.filter((due) => due >= this.measuredFrom).map((due) => now - due);
    const present = new PresentFigures(this.population, agesMs, this.longestMs);
    if (present.dueCount < ENOUGH) return undefined;
    const results = judgeThresholds(thresholds, (metric) => this.presentValueOf(metric, present, now));
    return results.find(isKnownToFail);
  }

  private presentValueOf(metric: Metric, present: PresentFigures, now: number): number | null {
    const secs = (now - Math.min(this.firstDue, now - present.oldestMs)) / 1000;
    switch (metric) {
      case 'failure_rate':
        return present.failedPercent;
      case 'throughput':
        return secs > 0 ? present.successCount / secs : null;
      case 'imbalance':
        return this.population.totalCount < ENOUGH ? null : this.imbalance();
      case 'recovery':
      case 'felt':
        return null;
      case 'min':
        return present.minMs;
      case 'avg':
        return present.averageMs;
      case 'max':
        return present.maxMs;
      default:
        return present.quantileMs(shareOf(metric));
    }
  }

  private valueOf(metric: Metric, quantile: (q: number) => number | null, endedAt: number): number | null {
    const { population } = this;
    const { durationSecs, goodputPerSecond } = this.rates(endedAt);
    switch (metric) {
      case 'failure_rate':
        return population.mostFailedPercent;
      case 'throughput':
        return durationSecs > 0 ? goodputPerSecond : null;
      case 'imbalance':
        return this.imbalance();
      case 'recovery':
      case 'felt':
        return null;
      case 'min':
      case 'avg':
      case 'max':
        return population.latencies.figures()[`${metric}_ms`];
      default:
        return quantile(shareOf(metric));
    }
  }

  private imbalance(): number | null {
    return imbalance(Object.values(this.measured.summary.stats().server_distribution), this.serverCount);
  }
}

/** A value that is unknown fails a threshold, but aborts nothing. */
export function isKnownToFail({ passed, value }: ThresholdResult): boolean {
  return !passed && value !== null;
}

/** Returns the share below a percentile: 0.99 for `p99`. */
function shareOf(percentile: string): number {
  return Number(percentile.slice(1)) / 100;
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
