/** Finds the time span of a run by its requests, even if some times are damaged. */
import type { RunRecords } from './inputs';
import { increment } from './interner';
import type { ForEachRow } from './columns';
import type { Interval } from '../report';

const DAY_MS = 24 * 3600 * 1000;
/** The longest run that the configuration allows (src/config). */
export const MAX_RUN_MS = 7 * DAY_MS;
/** Further days are ignored: times spread over more are not of one run. */
const MAX_DAYS = 10_000;

/** Returns an iterator over the requests of all records. */
export function rowsOf(records: readonly RunRecords[]): ForEachRow {
  return (visit, within) => records.forEach(({ columns }) => columns.forEach(visit, within));
}

/** From the first request due to the last end of any. Unix milliseconds. */
export interface RunSpan extends Interval {
  lastDueMs: number;
}

/**
 * Returns the span of all requests, or null if there are none. If it is longer than a run can last, some times are
 * damaged (a clock at 1970): the span then covers only the requests within a week of the day on which most of them
 * began.
 */
export function runSpanOf(records: readonly RunRecords[]): RunSpan | null {
  const from = records.reduce((first, { firstStartMs }) => Math.min(first, firstStartMs), Infinity);
  const to = records.reduce((last, { lastEndMs }) => Math.max(last, lastEndMs), -Infinity);
  const lastDueMs = records.reduce((last, { lastStartMs }) => Math.max(last, lastStartMs), -Infinity);
  if (from === Infinity) return null;
  if (to - from <= MAX_RUN_MS) return { from, to, lastDueMs };
  const forEachRow = rowsOf(records);
  const middleMs = busiestDay(forEachRow) * DAY_MS;
  const span = { from: Infinity, to: -Infinity, lastDueMs: -Infinity };
  forEachRow(({ startMs, endMs }) => {
    if (startMs < middleMs - MAX_RUN_MS || startMs > middleMs + DAY_MS + MAX_RUN_MS) return;
    span.from = Math.min(span.from, startMs);
    span.to = Math.max(span.to, endMs);
    span.lastDueMs = Math.max(span.lastDueMs, startMs);
  });
  return span;
}

/** Returns the day, counted from 1970, on which most requests began; the latest one if several tie. */
function busiestDay(forEachRow: ForEachRow): number {
  const days = new Map<number, number>();
  forEachRow(({ startMs }) => {
    const day = Math.floor(startMs / DAY_MS);
    if (days.size < MAX_DAYS || days.has(day)) increment(days, day);
  });
  return [...days].reduce((best, each) => ((each[1] - best[1] || each[0] - best[0]) > 0 ? each : best))[0];
}
