/** Schedules the requests of an open loop: evenly or as a Poisson process, at a rate that may ramp up. */
import type { Arrivals, LoadShape, StressPacing } from '../config/load-settings';
import type { Random } from '../core/environment';
import { meanThinkMs } from '../core/metrics/loop';

export interface Schedule {
  /** The rate of all clients together, after the ramp-up. */
  ratePerSecond: number;
  arrivals: Arrivals;
  /** The rate grows linearly from zero over this time. */
  rampUpMs: number;
  /** It ends at whichever limit comes first; without limits, never. */
  durationMs?: number;
  totalCount?: number;
}

/** A time closer to the end than this is the end: the difference is a rounding error. */
const ROUNDING_MS = 1e-6;

/**
 * Yields due times in milliseconds after the start, in order: evenly spaced (the first at once), or a Poisson process,
 * the only one that uses `random`.
 */
export function* dueTimes(schedule: Schedule, random: Random): Generator<number, void, void> {
  const { arrivals, durationMs = Infinity, totalCount = Infinity } = schedule;
  let expected = arrivals === 'uniform' ? 0 : gap(random);
  for (let count = 0; count < totalCount; count++) {
    const dueMs = timeOf(schedule, expected);
    if (dueMs >= durationMs - ROUNDING_MS) return;
    yield dueMs;
    // Not accumulated: rounding errors would add up.
    expected = arrivals === 'uniform' ? count + 1 : expected + gap(random);
  }
}

/** Returns the expected number of requests; Infinity if nothing ends them. */
export function expectedArrivals({ durationMs = Infinity, totalCount = Infinity, ...rest }: Schedule): number {
  return Math.min(totalCount, Math.max(1, Math.ceil(arrivedAfter(rest, durationMs - ROUNDING_MS))));
}

/** Returns the expected time until all of them are due, in milliseconds. */
export function expectedArrivalMs({ durationMs = Infinity, totalCount = Infinity, ...rest }: Schedule): number {
  return Math.min(durationMs, timeOf(rest, totalCount));
}

type Ramp = Pick<Schedule, 'ratePerSecond' | 'rampUpMs'>;

/** Returns the expected arrivals up to a time: the area below the rate. */
function arrivedAfter({ ratePerSecond, rampUpMs }: Ramp, ms: number): number {
  const perMs = ratePerSecond / 1000;
  return ms < rampUpMs ? (perMs * ms * ms) / (2 * rampUpMs) : perMs * (ms - rampUpMs / 2);
}

/** The inverse of `arrivedAfter`. */
function timeOf({ ratePerSecond, rampUpMs }: Ramp, count: number): number {
  const perMs = ratePerSecond / 1000;
  const inRampUp = (perMs * rampUpMs) / 2;
  return count < inRampUp ? Math.sqrt((2 * count * rampUpMs) / perMs) : rampUpMs / 2 + count / perMs;
}

/** Draws the gap between two arrivals of a Poisson process of rate 1; other rates scale time. */
function gap(random: Random): number {
  return -Math.log(1 - random());
}

/** Returns arrivals per second: the rate, or that of a closed loop if servers took no time. May be infinite. */
export function offeredPerSecond(pacing: StressPacing, numClients: number): number {
  if (pacing.mode === 'rate') return pacing.ratePerSecond;
  return (numClients * 2000) / (pacing.minDelayMs + pacing.maxDelayMs);
}

/** Returns the planned duration of a load, as if servers took no time; Infinity without a limit. */
export function plannedMs(shape: LoadShape, numClients: number): number {
  const { pacing, totalRequests = Infinity, durationMs = Infinity, rampUpMs } = shape;
  if (pacing.mode === 'rate') {
    return expectedArrivalMs({ ...pacing, rampUpMs, durationMs, totalCount: totalRequests * numClients });
  }
  const thinkMs = totalRequests === Infinity ? Infinity : totalRequests * meanThinkMs(pacing);
  return Math.min(durationMs, rampUpMs + thinkMs);
}
