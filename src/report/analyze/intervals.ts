/** Tells which requests lie in which intervals, fast enough for millions of requests. */
import type { Row } from '../read/columns';
import type { Interval } from '../report';

type Life = Pick<Row, 'startMs' | 'endMs'>;

export function isUnderWay(row: Life, { from, to }: Interval): boolean {
  return row.startMs <= to && row.endMs >= from;
}

export function overlaps(a: Interval, b: Interval): boolean {
  return a.from <= b.to && a.to >= b.from;
}

/** Returns a test if a request was under way in any of the intervals. */
export function touchOf(intervals: readonly Interval[]): (row: Life) => boolean {
  const sorted = [...intervals].sort((a, b) => a.from - b.from);
  const froms = Float64Array.from(sorted, ({ from }) => from);
  let untilMs = -Infinity;
  // The latest end of all intervals up to this one shows if one that has begun is not over yet.
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
