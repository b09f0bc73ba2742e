/** Finds the time after a fault at which clients were back to baseline. */
import { exactQuantile } from '../../core/metrics/digest';
import type { ForEachRow, Row } from '../read/columns';
import type { Interval } from '../report';

const WINDOW_MS = 250;
const CALM_MS = 1000;
const STEP_MS = 10;
const WINDOW_STEPS = WINDOW_MS / STEP_MS;
/** The number of consecutive windows within the calm second. */
const CALM_WINDOWS = (CALM_MS - WINDOW_MS) / STEP_MS + 1;
/** A longer fault (5.5 hours) is not assessed: the times in its file are damaged. */
const MAX_STEPS = 2_000_000;
/** Steps times images: 400 MB. */
const MAX_CELLS = 50_000_000;
const FIRST_STEPS = 1000;
const SLOW_FACTOR = 1.5;
const SLOW_MS = 10;
/** The most latencies of an image that its baseline uses, and the fewest required before the first fault. */
const BASELINE_MAX = 100_000;
const BASELINE_MIN = 20;

/**
 * Returns the slowness threshold for each image (by index, in ms): 1.5 times its steady p95 plus 10 ms. Steady requests
 * are the successes that ended before the first fault or, if there are fewer than 20, those that overlap no fault.
 * Infinity if there are none.
 */
export function slowAboveMs(forEachRow: ForEachRow, imageCount: number, faults: readonly Interval[]): Float64Array {
  const before: number[][] = Array.from({ length: imageCount }, () => []);
  const outside: number[][] = Array.from({ length: imageCount }, () => []);
  const firstMs = faults.reduce((first, { from }) => Math.min(first, from), Infinity);
  const isTouched = touchOf(faults);
  forEachRow((row) => {
    if (!row.success) return;
    const early = before[row.image]!;
    if (row.endMs < firstMs && early.length < BASELINE_MAX) early.push(row.latencyMs);
    const others = outside[row.image]!;
    if (others.length < BASELINE_MAX && !isTouched(row)) others.push(row.latencyMs);
  });
  return Float64Array.from(before, (latencies, image) => {
    const steady = latencies.length >= BASELINE_MIN ? latencies : outside[image]!;
    const p95 = exactQuantile(Float64Array.from(steady).sort(), 0.95);
    return p95 === null ? Infinity : p95 * SLOW_FACTOR + SLOW_MS;
  });
}

/**
 * Returns the time until clients were back to baseline: milliseconds from `from` to the first moment after which every
 * window of 250 ms (sliding by 10 ms) is good for 1 s. A window is good if no request in flight in it failed, then or
 * later, and for each image the p95 of the requests that ended in it is not slow, that is, at most 5 % of them are. A
 * window in which none ended is good unless a slow request was in flight: a stall is not calm. null if not back before
 * `to`.
 */
export function backToBaselineMs(forEachRow: ForEachRow, slowMs: Float64Array, { from, to }: Interval): number | null {
  const steps = Math.floor((to - from) / STEP_MS);
  if (!(steps >= CALM_MS / STEP_MS) || steps > Math.min(MAX_STEPS, MAX_CELLS / slowMs.length)) return null;
  // Calm usually comes soon, so the part examined grows only while it does not.
  for (let looked = Math.min(steps, FIRST_STEPS); ; looked = Math.min(steps, looked * 4)) {
    const calmMs = calmWithin(forEachRow, slowMs, from, looked);
    if (calmMs !== null || looked === steps) return calmMs;
  }
}

function calmWithin(forEachRow: ForEachRow, slowMs: Float64Array, from: number, steps: number): number | null {
  const bad = badSteps(forEachRow, slowMs, from, steps);
  let good = 0;
  for (let at = 0; at + WINDOW_STEPS <= steps; at++) {
    good = bad[at] ? 0 : good + 1;
    if (good === CALM_WINDOWS) return (at - CALM_WINDOWS + 1) * STEP_MS;
  }
  return null;
}

type Life = Pick<Row, 'startMs' | 'endMs'>;

export function overlaps(row: Life, { from, to }: Interval): boolean {
  return row.startMs <= to && row.endMs >= from;
}

/** Returns a test for overlap of a request with any of the ranges, fast enough for millions of requests. */
export function touchOf(ranges: readonly Interval[]): (row: Life) => boolean {
  const sorted = [...ranges].sort((a, b) => a.from - b.from);
  const froms = Float64Array.from(sorted, ({ from }) => from);
  let untilMs = -Infinity;
  // The latest end of all ranges up to this one shows if one that has begun is not over yet.
  const untils = Float64Array.from(sorted, ({ to }) => (untilMs = Math.max(untilMs, to)));
  return ({ startMs, endMs }) => {
    const begun = countUpTo(froms, endMs);
    return begun > 0 && untils[begun - 1]! >= startMs;
  };
}

/** Counts the numbers not above `limit`; the input is ascending. */
export function countUpTo(ascending: Float64Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Steps {
  total: Int32Array;
  slow: Int32Array;
}

/** Marks the steps at which a bad window begins. */
function badSteps(forEachRow: ForEachRow, slowMs: Float64Array, from: number, steps: number): Uint8Array {
  const total = new Int32Array(steps);
  // Requests in flight by step, as differences from one step to the next.
  const failing = new Int32Array(steps + 1);
  const slowly = new Int32Array(steps + 1);
  const byImage: Steps[] = [];
  const visit = (row: Row): void => {
    const isSlow = row.latencyMs > slowMs[row.image]!;
    if (isSlow || !row.success) {
      const lives = row.success ? slowly : failing;
      lives[clamp((row.startMs - from) / STEP_MS, steps)]! += 1;
      // Failed requests count up to and including the step in which they end, which may be their first.
      lives[clamp((row.endMs - from) / STEP_MS + (row.success ? 0 : 1), steps)]! -= 1;
    }
    const at = Math.floor((row.endMs - from) / STEP_MS);
    if (at < 0 || at >= steps) return;
    total[at]! += 1;
    const image = (byImage[row.image] ??= { total: new Int32Array(steps), slow: new Int32Array(steps) });
    image.total[at]! += 1;
    if (isSlow) image.slow[at]! += 1;
  };
  forEachRow(visit, { from, to: from + steps * STEP_MS });
  const bad = new Uint8Array(steps);
  for (let at = 1; at < steps; at++) {
    failing[at]! += failing[at - 1]!;
    slowly[at]! += slowly[at - 1]!;
  }
  markWindows(bad, [failing], ([lives]) => lives! > 0);
  byImage.forEach(({ slow, total: all }) => markWindows(bad, [slow, all], ([late, ended]) => late! > ended! * 0.05));
  markWindows(bad, [total, slowly], ([ended, lives]) => ended === 0 && lives! > 0);
  return bad;
}

/** Marks the windows whose column sums are bad. */
function markWindows(bad: Uint8Array, columns: Int32Array[], isBad: (sums: number[]) => boolean): void {
  const sums = columns.map(() => 0);
  for (let end = 0; end < bad.length; end++) {
    for (const [index, column] of columns.entries()) {
      sums[index]! += column[end]! - (end >= WINDOW_STEPS ? column[end - WINDOW_STEPS]! : 0);
    }
    const start = end - WINDOW_STEPS + 1;
    if (start >= 0 && isBad(sums)) bad[start] = 1;
  }
}

function clamp(step: number, steps: number): number {
  return Math.min(steps, Math.max(0, Math.floor(step)));
}
