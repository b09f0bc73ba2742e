/** Measures how evenly requests were distributed over the servers. */
import type { ForEachRow } from '../read/columns';
import { exactQuantile } from '../../core/metrics/digest';
import type { Balance, Interval, Spread } from '../report';
import { overlaps } from './intervals';
import { sum } from './sum';

const WINDOW_MS = 1000;
/** Windows with fewer requests say nothing about balance. */
const ENOUGH = 100;
const MAX_CELLS = 20_000_000;

export interface BalanceOptions {
  forEachRow: ForEachRow;
  /** The number of servers with requests. */
  serverCount: number;
  /** Their requests in the whole run. */
  totals: readonly number[];
  /** The number of servers that were there to be used; null if unknown. */
  expectedCount: number | null;
  run: Interval | null;
  faults: readonly Interval[];
}

/**
 * Measures windows of 1 s, by due time. Windows that overlap a fault are excluded: a server that is down gets no
 * requests.
 */
export function balanceOf(options: BalanceOptions): Balance {
  const { forEachRow, serverCount, totals, expectedCount, run, faults } = options;
  const counts = run === null ? [] : windowsOf(forEachRow, serverCount, run);
  const calm = counts.filter((_, index) => {
    const startMs = run!.from + index * WINDOW_MS;
    return !faults.some((fault) => overlaps({ from: startMs, to: startMs + WINDOW_MS }, fault));
  });
  const judged = expectedCount === null ? [] : calm.filter((window) => sum(window) >= ENOUGH);
  const isKnown = expectedCount !== null && totals.length > 0;
  return {
    servers_expected: expectedCount,
    total_max_over_mean: isKnown ? maxOverMean(totals, expectedCount) : null,
    windows: calm.length,
    judged_windows: judged.length,
    max_over_mean: spread(
      judged.map((window) => maxOverMean(window, expectedCount!)),
      'high',
    ),
    jain: spread(
      judged.map((window) => jain(window, expectedCount!)),
      'low',
    ),
  };
}

/** Counts requests by window and server; empty if the times span so much that some must be damaged. */
function windowsOf(forEachRow: ForEachRow, serverCount: number, run: Interval): Int32Array[] {
  const windowCount = Math.floor((run.to - run.from) / WINDOW_MS) + 1;
  if (serverCount === 0 || windowCount * serverCount > MAX_CELLS) return [];
  const cells = new Int32Array(windowCount * serverCount);
  forEachRow(({ startMs, server }) => {
    const at = Math.floor((startMs - run.from) / WINDOW_MS);
    if (server > 0 && at >= 0 && at < windowCount) cells[at * serverCount + server - 1]! += 1;
  });
  return Array.from({ length: windowCount }, (_, at) => cells.subarray(at * serverCount, (at + 1) * serverCount));
}

function maxOverMean(counts: ArrayLike<number> & Iterable<number>, serverCount: number): number {
  return (Math.max(...counts) * serverCount) / sum(counts);
}

/** Jain's fairness index (Jain, Chiu, Hawe 1984). */
function jain(counts: ArrayLike<number> & Iterable<number>, serverCount: number): number {
  let squares = 0;
  for (const count of counts) squares += count * count;
  return sum(counts) ** 2 / (serverCount * squares);
}

function spread(values: number[], worst: 'high' | 'low'): Spread {
  const sorted = Float64Array.from(values).sort();
  return { median: exactQuantile(sorted, 0.5), worst: sorted.at(worst === 'high' ? -1 : 0) ?? null };
}
