/** Judges a run in windows of 250 ms, on multiples of 250 ms of Unix time: which were bad, and when it was calm again. */
import type { ForEachRow } from '../read/columns';
import type { Interval } from '../report';

export const WINDOW_MS = 250;
/** A bad window without a failure has at least this many bad requests under way ... */
const BAD_LEAST = 2;
/** ... and more than this share of the baseline's mean number under way. */
const BAD_SHARE = 0.05;
/** Eight days, more than the longest run: further windows come from damaged times. */
const MAX_WINDOWS = (8 * 24 * 3600 * 1000) / WINDOW_MS;

/** Slow limits in milliseconds by index of the operation (image); NaN: unknown. */
export type SlowLimits = Float64Array;

export interface GridOptions {
  forEachRow: ForEachRow;
  /** From the first request that was due to the end of the load. */
  run: Interval;
  slowMs: SlowLimits;
  /** The baseline's mean number of requests under way in a window; the allowance is fixed for the run. */
  meanUnderWay: number;
}

/** Returns true if it failed, or took (undecided: has taken) longer than its slow limit; false if that is unknown. */
export function isBad(row: { isFailed: boolean; latencyMs: number; image: number }, slowMs: SlowLimits): boolean {
  return row.isFailed || row.latencyMs > slowMs[row.image]!;
}

/** Returns the number of bad requests under way that make a window bad. */
export function leastBad(meanUnderWay: number): number {
  return Math.max(BAD_LEAST, Math.floor(meanUnderWay * BAD_SHARE) + 1);
}

export class WindowGrid {
  private readonly first: number;
  private readonly isBadAt: Uint8Array;
  private readonly dueAt: Uint32Array;

  constructor({ forEachRow, run, slowMs, meanUnderWay }: GridOptions) {
    this.first = windowOf(run.from);
    const count = Math.min(MAX_WINDOWS, windowOf(run.to) - this.first + 1);
    this.dueAt = new Uint32Array(count);
    const bad = new UnderWay(this.first, count);
    const failed = new UnderWay(this.first, count);
    forEachRow((row) => {
      const at = windowOf(row.startMs) - this.first;
      if (at >= 0 && at < count) this.dueAt[at]! += 1;
      if (isBad(row, slowMs)) bad.add(row);
      if (row.isFailed) failed.add(row);
    });
    const allowance = leastBad(meanUnderWay);
    const failedCounts = failed.counts();
    this.isBadAt = Uint8Array.from(bad.counts(), (n, at) => (failedCounts[at]! > 0 || n >= allowance ? 1 : 0));
  }

  /** Counts the bad windows that overlap an interval (open at its end), and returns when the last of them ended. */
  badWithin({ from, to }: Interval): { bad: number; lastEndMs: number | null } {
    let bad = 0;
    let last: number | null = null;
    for (let at = Math.max(0, windowOf(from) - this.first); at < this.isBadAt.length; at++) {
      if ((this.first + at) * WINDOW_MS >= to) break;
      if (!this.isBadAt[at]) continue;
      bad += 1;
      last = (this.first + at + 1) * WINDOW_MS;
    }
    return { bad, lastEndMs: last };
  }

  /**
   * Returns the start of the first calm: `count` good windows in a row, between these times, in which a request was
   * due; null if there is none.
   */
  firstCalmMs(fromMs: number, toMs: number, count: number): number | null {
    if (!(fromMs < toMs)) return null;
    let good = 0;
    for (let at = Math.max(0, Math.ceil(fromMs / WINDOW_MS) - this.first); at < this.isBadAt.length; at++) {
      if ((this.first + at + 1) * WINDOW_MS > toMs) return null;
      good = this.isBadAt[at] ? 0 : good + 1;
      const start = at - count + 1;
      if (good >= count && this.dueAt.subarray(start, at + 1).some((due) => due > 0))
        return (this.first + start) * WINDOW_MS;
    }
    return null;
  }

  /** Returns the share of bad ones among the windows wholly within the interval; null if there are none. */
  badShare({ from, to }: Interval): number | null {
    const begin = Math.max(0, Math.ceil(from / WINDOW_MS) - this.first);
    const end = Math.min(this.isBadAt.length, Math.floor(to / WINDOW_MS) - this.first);
    if (end <= begin) return null;
    return this.isBadAt.subarray(begin, end).reduce((sum, bad) => sum + bad, 0) / (end - begin);
  }
}

/** Counts requests under way by window: from the one in which they were due to the one in which they ended. */
export class UnderWay {
  /** Differences from one window to the next. */
  private readonly changes: Int32Array;

  constructor(
    private readonly first: number,
    private readonly count: number,
  ) {
    this.changes = new Int32Array(count + 1);
  }

  add({ startMs, endMs }: { startMs: number; endMs: number }): void {
    this.addWindows(windowOf(startMs), windowOf(endMs));
  }

  /** Adds one that is under way from one window up to and including another. */
  addWindows(firstWindow: number, lastWindow: number): void {
    const from = Math.max(0, firstWindow - this.first);
    const to = Math.min(this.count, lastWindow - this.first + 1);
    if (from >= to) return;
    this.changes[from]! += 1;
    this.changes[to]! -= 1;
  }

  counts(): Int32Array {
    const counts = this.changes.slice(0, this.count);
    for (let at = 1; at < counts.length; at++) counts[at]! += counts[at - 1]!;
    return counts;
  }
}

/** Returns the number of the window, counted from 1970, that a time (Unix milliseconds) lies in. */
export function windowOf(timeMs: number): number {
  return Math.floor(timeMs / WINDOW_MS);
}
