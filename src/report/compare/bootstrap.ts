/** Estimates the noise of a comparison: how far figures of equal runs differ, by resampling the windows of both. */
import type { Random } from '../../core/environment';
import { type FigureName, type Windows, WindowSum } from './windows';

const RESAMPLES = 2000;
/** The share of comparisons of equal runs in which every figure lies within its noise. */
export const CONFIDENCE = 0.95;
/** With fewer windows, the correlation of neighbours cannot be estimated. */
export const MIN_WINDOWS = 20;
/** The least number of blocks in a run: fewer would leave too few to draw from. */
const MIN_BLOCKS = 5;
const MAX_CORRELATION = 0.95;

/** Returns the distance of B from A: percentage points for the failure rate, else the logarithm of B / A. */
export function distance(figure: FigureName, a: number, b: number): number {
  return figure === 'failure_rate' ? b - a : Math.log(b / a);
}

/**
 * Returns how far each figure of two runs may differ, by `distance`, within the noise of their windows. Figures that
 * are undefined in some resample are omitted. docs/decisions/0013-comparing-runs.md has the reasons: a circular block
 * bootstrap (Politis and Romano 1992) of each run's windows; the half-widths are the number of standard errors that
 * covers all figures jointly at CONFIDENCE (single-step max-t, Westfall and Young 1993).
 */
export function noiseOf(
  a: Windows,
  b: Windows,
  figures: readonly FigureName[],
  { random, resamples = RESAMPLES }: { random: Random; resamples?: number },
): Partial<Record<FigureName, number>> {
  const [drawA, drawB] = [sampler(a, random), sampler(b, random)];
  const columns = figures.map(() => new Float64Array(resamples));
  for (let sample = 0; sample < resamples; sample++) {
    const [ofA, ofB] = [drawA(), drawB()];
    figures.forEach((figure, at) => (columns[at]![sample] = distance(figure, ofA[figure], ofB[figure])));
  }
  const spreads = columns.map(spreadOf);
  const farthest = new Float64Array(resamples);
  spreads.forEach(({ mean, error }, at) => {
    // An error of 0: all resamples are equal. NaN: the figure is omitted.
    if (!(error > 0)) return;
    columns[at]!.forEach((value, i) => (farthest[i] = Math.max(farthest[i]!, Math.abs(value - mean) / error)));
  });
  const normal = farthest.sort()[Math.ceil(resamples * CONFIDENCE) - 1]!;
  const errors = likeStudent(normal, Math.min(blockCount(a), blockCount(b)) - 1);
  const told = figures.map((figure, at) => [figure, spreads[at]!.error * errors] as const);
  return Object.fromEntries(told.filter(([, halfWidth]) => Number.isFinite(halfWidth)));
}

/**
 * Returns the number of windows drawn as one block, because neighbours are correlated: n^(1/3) (Hall, Horowitz and Jing
 * 1995), stretched by Carlstein's rule (1986) for their correlation.
 */
export function blockLength(windows: Windows): number {
  const count = windows.requests.length;
  const correlation = Math.min(MAX_CORRELATION, Math.max(...[windows.requests, levels(windows)].map(correlationOf)));
  const stretch = ((Math.sqrt(6) * correlation) / (1 - correlation ** 2)) ** (2 / 3);
  return Math.max(1, Math.ceil(Math.min(Math.cbrt(count) * Math.max(1, stretch), count / MIN_BLOCKS)));
}

/** Returns a function that draws as many windows as there are, in blocks, and computes their figures. */
function sampler(windows: Windows, random: Random): () => Record<FigureName, number> {
  const count = windows.requests.length;
  const length = blockLength(windows);
  const sum = new WindowSum(windows);
  return () => {
    sum.clear();
    for (let drawn = 0; drawn < count;) {
      const start = Math.floor(random() * count);
      for (let at = 0; at < length && drawn < count; at++, drawn++) sum.add((start + at) % count);
    }
    return sum.figures();
  };
}

function blockCount(windows: Windows): number {
  return windows.requests.length / blockLength(windows);
}

/** Returns the mean bucket of each window with a success: the mean of the logarithms of its latencies. */
function levels({ histograms }: Windows): number[] {
  return histograms.flatMap((histogram) => {
    let [count, sum] = [0, 0];
    for (let at = 0; at < histogram.length; at += 2) {
      count += histogram[at + 1]!;
      sum += histogram[at]! * histogram[at + 1]!;
    }
    return count === 0 ? [] : [sum / count];
  });
}

/** Returns the lag-1 autocorrelation, at least 0, corrected for the bias of short series (Kendall 1954). */
function correlationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [square, product] = [0, 0];
  values.forEach((value, at) => {
    square += (value - mean) ** 2;
    if (at > 0) product += (value - mean) * (values[at - 1]! - mean);
  });
  if (!(square > 0)) return 0;
  return Math.max(0, product / square + (1 + (3 * product) / square) / values.length);
}

function spreadOf(values: Float64Array): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt(square) };
}

/**
 * Converts a quantile of the normal to one of Student's distribution: few blocks understate their spread (Abramowitz
 * and Stegun 26.7.5).
 */
function likeStudent(normal: number, freedom: number): number {
  return normal * (1 + (normal ** 2 + 1) / (4 * freedom));
}
