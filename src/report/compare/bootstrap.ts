import type { Random } from '../../core/environment';
import { type FigureName, type Windows, WindowSum } from './windows';

const RESAMPLES = 2000;
/** The share of all comparisons of equal runs in which every figure lies within its noise. */
export const CONFIDENCE = 0.95;
/** Fewer windows say too little about how alike neighbours are. */
export const MIN_WINDOWS = 20;
/** Blocks so long that fewer than these fit would leave too few to draw from. */
const MIN_BLOCKS = 5;
const MAX_CORRELATION = 0.95;

/** How far a figure of B is from A's: percentage points of the failure rate, else the logarithm of B / A. */
export function distance(figure: FigureName, a: number, b: number): number {
  return figure === 'failure_rate' ? b - a : Math.log(b / a);
}

/**
 * How far each figure of two runs may be apart, by `distance`, and still be within the noise that their windows show. A
 * figure that some resample does not tell is left out. docs/decisions/0013-comparing-runs.md has the reasons:
 * a circular block bootstrap (Politis and Romano 1992) of each run's windows; the half-widths are as many standard
 * errors of it as at CONFIDENCE hold all figures together (single-step max-t, Westfall and Young 1993).
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
    // No error: all resamples are alike. NaN: the figure is left out.
    if (!(error > 0)) return;
    columns[at]!.forEach((value, i) => (farthest[i] = Math.max(farthest[i]!, Math.abs(value - mean) / error)));
  });
  const normal = farthest.sort()[Math.ceil(resamples * CONFIDENCE) - 1]!;
  const errors = likeStudent(normal, Math.min(blockCount(a), blockCount(b)) - 1);
  const told = figures.map((figure, at) => [figure, spreads[at]!.error * errors] as const);
  return Object.fromEntries(told.filter(([, halfWidth]) => Number.isFinite(halfWidth)));
}

/**
 * How many windows are drawn in one piece, because neighbours are alike: n^(1/3) (Hall, Horowitz and Jing 1995), and as
 * many more as Carlstein's rule (1986) says for their correlation.
 */
export function blockLength(windows: Windows): number {
  const count = windows.requests.length;
  const correlation = Math.min(MAX_CORRELATION, Math.max(...[windows.requests, levels(windows)].map(correlationOf)));
  const stretch = ((Math.sqrt(6) * correlation) / (1 - correlation ** 2)) ** (2 / 3);
  return Math.max(1, Math.ceil(Math.min(Math.cbrt(count) * Math.max(1, stretch), count / MIN_BLOCKS)));
}

/** Draws as many windows as there are, in blocks, and tells their figures. */
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

/** The mean bucket of each window that has a success: the mean of the logarithms of its latencies. */
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

/** Of each value with the next one, from 0; corrected for what few values hide of it (Kendall 1954). */
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

/** A quantile of the normal distribution as one of Student's: few blocks underrate their spread (Abramowitz and Stegun 26.7.5). */
function likeStudent(normal: number, freedom: number): number {
  return normal * (1 + (normal ** 2 + 1) / (4 * freedom));
}
