/** The baseline of a run, before its first fault: what is slow, how many requests are under way, what would be felt. */
import { ENOUGH_SUCCESSES } from '../../core/metrics/slow-limit';
import type { ForEachRow, Row } from '../read/columns';
import type { Baseline, Interval } from '../report';
import { Latencies } from './latencies';
import { leastBad, type SlowLimits, UnderWay, WINDOW_MS, type WindowGrid, windowOf } from './window-grid';

const SLOW_FACTOR = 1.5;
const SLOW_MS = 10;
/** A p95 beyond this many medians tells of a stall: without one it was at most 14 of them in simulated and real runs. */
export const MOST_MEDIANS = 15;
/** The stalls of which the shortest that would be felt is told, in milliseconds. */
const STALLS_MS = [50, 100, 250, 500, 1000, 1500, 2000, 3000, 5000];
/** A stall would be felt if a bad window results at this share of all moments. */
const FELT_SHARE = 0.95;

export interface BaselineOptions {
  forEachRow: ForEachRow;
  run: Interval;
  warmUntilMs: number;
  /** The configured slow limit of each operation (image); null: from its successes. */
  fixedMs: readonly (number | null)[];
  firstFaultMs: number;
  /** The times in which records are missing: a baseline with a gap gives no slow limits. */
  gaps: readonly Interval[];
}

export interface BaselineFacts {
  /** From the end of the warm-up to the first fault, or the end of the run. */
  span: Interval;
  /** Infinity without faults. */
  firstFaultMs: number;
  /** Requests due in it that ended in it, and their mean latency; null without any, or if one has no record. */
  requests: number;
  usualMs: number | null;
  slowMs: SlowLimits;
  /** The mean number of requests under way in a window; 0 without windows. */
  meanUnderWay: number;
  /** Why an operation without a slow limit has none. */
  whyNoLimit: string;
  /** Why it is not known how often windows are bad in it; null if it is known. */
  unknown: string | null;
  /** By operation: its slow limit is not fixed, and a stall in the baseline raised it. */
  isLoose: readonly boolean[];
}

export function baselineOf(options: BaselineOptions): BaselineFacts {
  const { forEachRow, run, warmUntilMs, fixedMs, firstFaultMs, gaps } = options;
  const endMs = firstFaultMs === Infinity ? run.to : firstFaultMs;
  const span = { from: Math.max(warmUntilMs, run.from), to: Math.max(run.from, endMs) };
  const latencies = fixedMs.map(() => new Latencies());
  const { first, count } = windowsWithin(span);
  const underWay = new UnderWay(first, count);
  const used = latencies.map(() => false);
  let requests = 0;
  let totalMs = 0;
  forEachRow((row) => {
    used[row.image] = true;
    if (!isInBaseline(row, span.from, firstFaultMs)) return;
    requests += 1;
    totalMs += row.latencyMs;
    underWay.add(row);
    if (row.success) latencies[row.image]!.add(row.latencyMs);
  }, span);
  const counts = underWay.counts();
  const hasGap = gaps.some(({ from, to }) => from < span.to && to >= span.from);
  const slowMs = Float64Array.from(latencies, (all, image) => {
    const limitMs = fixedMs[image]!;
    if (limitMs !== null) return limitMs;
    if (hasGap || all.count < ENOUGH_SUCCESSES) return NaN;
    return all.quantileMs(0.95)! * SLOW_FACTOR + SLOW_MS;
  });
  const isLoose = latencies.map((all, image) => {
    const isDerived = fixedMs[image] === null && slowMs[image]! > 0;
    return isDerived && all.quantileMs(0.95)! > MOST_MEDIANS * all.quantileMs(0.5)!;
  });
  const meanUnderWay = counts.length === 0 ? 0 : counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const whyNoLimit = hasGap ? 'records of requests are missing' : `fewer than ${ENOUGH_SUCCESSES} successes`;
  const hasLimits = used.every((isUsed, image) => !isUsed || slowMs[image]! > 0);
  const isUndated = firstFaultMs === -Infinity;
  const when = isUndated ? 'it is not known when the first fault began' : 'the first fault came too early';
  const tooEarly = counts.length === 0 ? when : null;
  const noLimit = hasLimits ? null : `an image has no slow limit: ${whyNoLimit}`;
  const unknown = tooEarly ?? (hasGap ? whyNoLimit : noLimit);
  const usualMs = requests === 0 || hasGap ? null : totalMs / requests;
  return { span, firstFaultMs, requests, usualMs, slowMs, meanUnderWay, whyNoLimit, unknown, isLoose };
}

/** Returns the figures of the baseline for the report. */
export function baselineFigures(facts: BaselineFacts, grid: WindowGrid, forEachRow: ForEachRow): Baseline {
  const { span, requests, unknown } = facts;
  const isFelt = (stallMs: number): boolean => feltShare(stallMs, facts, forEachRow) >= FELT_SHARE;
  return {
    from: span.from,
    to: span.to,
    requests,
    bad_window_share: unknown === null ? grid.badShare(span) : null,
    felt_resolution_ms: unknown === null ? (STALLS_MS.find(isFelt) ?? null) : null,
    unknown,
  };
}

/** A request is in the baseline if it was due after the warm-up, and was decided before the first fault. */
function isInBaseline({ startMs, endMs, success, isFailed }: Row, fromMs: number, firstFaultMs: number): boolean {
  return startMs >= fromMs && endMs < firstFaultMs && (success || isFailed);
}

/** Returns the windows wholly within an interval. */
function windowsWithin({ from, to }: Interval): { first: number; count: number } {
  const first = Math.ceil(from / WINDOW_MS);
  return { first, count: Math.max(0, Math.floor(to / WINDOW_MS) - first) };
}

/**
 * Returns the share of the baseline's moments at which a stall of this length would make a window bad. The stall
 * delays every request under way at its start by its length, and every one due during it as if it were due at the end.
 * At the end of the stall, all of these are under way together.
 */
function feltShare(
  stallMs: number,
  { span, firstFaultMs, slowMs, meanUnderWay }: BaselineFacts,
  forEachRow: ForEachRow,
): number {
  const { first, count: windows } = windowsWithin(span);
  const count = Math.min(windows, Math.floor((span.to - stallMs) / WINDOW_MS) - first + 1);
  if (!(count > 0)) return 0;
  const delayed = new UnderWay(first, count);
  forEachRow((row) => {
    if (!row.success || !isInBaseline(row, span.from, firstFaultMs)) return;
    const { startMs, endMs, latencyMs, image } = row;
    // It turns bad when delayed by more than this.
    const spareMs = Math.max(0, slowMs[image]! - latencyMs);
    if (!(stallMs > spareMs)) return;
    delayed.addWindows(windowOf(startMs - (stallMs - spareMs)) + 1, windowOf(endMs));
  }, span);
  const allowance = leastBad(meanUnderWay);
  return delayed.counts().filter((bad) => bad >= allowance).length / count;
}
