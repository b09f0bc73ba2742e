/** Selects the windows of a run for a comparison, and computes figures from any set of windows. */
import { HISTOGRAM_BASE, type Interval } from '../report';
import type { Compared } from './comparison';

/** The windows of one run that enter a comparison; every list has an entry for each. */
export interface Windows {
  windowMs: number;
  requests: readonly number[];
  failed: readonly number[];
  /** Histograms of successes, sparse: bucket, count, bucket, count ... (src/report/report.ts: Timeline). */
  histograms: readonly (readonly number[])[];
}

/** The figures that can be computed from windows, and recomputed for every resample. */
export const FIGURES = ['throughput', 'failure_rate', 'avg', 'p50', 'p95', 'p99', 'p99.9'] as const;
export type FigureName = (typeof FIGURES)[number];

/** Quantiles in the order of computation: from the slowest request down. */
const QUANTILES = { 'p99.9': 0.999, p99: 0.99, p95: 0.95, p50: 0.5 } as const;
type Percentile = keyof typeof QUANTILES;

/** A percentile with fewer requests beyond it depends on single ones. */
export const ENOUGH_BEYOND = 10;
/** A tolerance in requests: 1 - 0.99 is slightly more than a hundredth. */
const ROUNDING = 1e-6;
const US_PER_MS = 1000;

/**
 * Selects the windows of a run: all, or those without warm-up, fault or recovery. The first and the last one are
 * excluded, because their load is partial. null if the run has no windows.
 */
export function windowsOf({ timeline, faults, warmup_secs }: Compared, scope: 'steady' | 'whole'): Windows | null {
  if (timeline === null) return null;
  const { from, window_ms: windowMs, requests, failed, histograms } = timeline;
  const troubled: Interval[] = (faults ?? []).map(({ start, recovered }) => ({
    from: start,
    to: recovered ?? Infinity,
  }));
  if (warmup_secs > 0) troubled.push({ from, to: from + warmup_secs * 1000 });
  const isIn = (window: number): boolean => {
    if (window === 0 || window === requests.length - 1) return false;
    const startMs = from + window * windowMs;
    return scope === 'whole' || !troubled.some((span) => startMs < span.to && startMs + windowMs > span.from);
  };
  const taken = requests.flatMap((_, window) => (isIn(window) ? [window] : []));
  const pick = <T>(all: readonly T[]): T[] => taken.map((window) => all[window]!);
  return { windowMs, requests: pick(requests), failed: pick(failed), histograms: pick(histograms) };
}

/** Computes the figures of all given windows. */
export function figuresOf(windows: Windows): Record<FigureName, number> {
  const sum = new WindowSum(windows);
  windows.requests.forEach((_, window) => sum.add(window));
  return sum.figures();
}

/** Returns the reason why a figure of these windows cannot be judged; null if it can. */
export function whyUnknown(figure: FigureName, { requests, histograms }: Windows): string | null {
  if (figure === 'throughput') return null;
  if (figure === 'failure_rate') return requests.some((count) => count > 0) ? null : 'no request finished';
  const successes = histograms.reduce((sum, histogram) => sum + countOf(histogram), 0);
  if (successes === 0) return 'no success';
  const beyond = figure === 'avg' ? Infinity : successes * (1 - QUANTILES[figure]);
  return beyond + ROUNDING >= ENOUGH_BEYOND ? null : 'too few requests';
}

/** Counts the latencies in a histogram. */
function countOf(histogram: readonly number[]): number {
  return histogram.reduce((sum, count, at) => (at % 2 === 0 ? sum : sum + count), 0);
}

/** A sum of windows, which are added one by one. Its counts are dense, because thousands of resamples are summed. */
export class WindowSum {
  private windows = 0;
  private requests = 0;
  private failed = 0;
  private readonly firstBucket: number;
  private readonly counts: Float64Array;
  /** The lower end of each bucket. */
  private readonly bucketMs: Float64Array;

  constructor(private readonly all: Windows) {
    const filled = all.histograms.filter(({ length }) => length > 0);
    this.firstBucket = filled.reduce((first, histogram) => Math.min(first, histogram[0]!), Infinity);
    const lastBucket = filled.reduce((last, histogram) => Math.max(last, histogram.at(-2)!), -Infinity);
    this.counts = new Float64Array(filled.length === 0 ? 0 : lastBucket - this.firstBucket + 1);
    this.bucketMs = Float64Array.from(this.counts, (_, at) => HISTOGRAM_BASE ** (this.firstBucket + at) / US_PER_MS);
  }

  clear(): void {
    this.windows = this.requests = this.failed = 0;
    this.counts.fill(0);
  }

  add(window: number): void {
    this.windows += 1;
    this.requests += this.all.requests[window]!;
    this.failed += this.all.failed[window]!;
    const histogram = this.all.histograms[window]!;
    for (let at = 0; at < histogram.length; at += 2) {
      this.counts[histogram[at]! - this.firstBucket]! += histogram[at + 1]!;
    }
  }

  /** Returns requests per second, percent and ms; NaN if there are no samples. */
  figures(): Record<FigureName, number> {
    let [successes, sumMs] = [0, 0];
    for (let at = 0; at < this.counts.length; at++) {
      successes += this.counts[at]!;
      sumMs += this.counts[at]! * this.bucketMs[at]!;
    }
    return {
      throughput: (this.requests / (this.windows * this.all.windowMs)) * 1000,
      failure_rate: (this.failed / this.requests) * 100,
      avg: (sumMs / successes) * Math.sqrt(HISTOGRAM_BASE),
      ...this.percentiles(successes),
    };
  }

  /** Interpolates within the buckets. */
  private percentiles(successes: number): Record<Percentile, number> {
    const told = { 'p99.9': NaN, p99: NaN, p95: NaN, p50: NaN };
    if (successes === 0) return told;
    let [at, above] = [this.counts.length, 0];
    for (const name of Object.keys(QUANTILES) as Percentile[]) {
      const beyond = successes * (1 - QUANTILES[name]);
      while (above < beyond) above += this.counts[--at]!;
      told[name] = this.bucketMs[at]! * HISTOGRAM_BASE ** ((above - beyond) / this.counts[at]!);
    }
    return told;
  }
}
