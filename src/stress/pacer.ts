import type { Arrivals, StressPacing } from '../config/load-settings';
import type { Random } from '../core/environment';

export interface Schedule {
  /** Of all clients together, after the ramp-up. */
  ratePerSecond: number;
  arrivals: Arrivals;
  /** The rate grows in it from nothing, in a straight line. */
  rampUpMs: number;
  /** It ends at whichever of the two comes first; without both never. */
  durationMs?: number;
  totalCount?: number;
}

/** Less than this before the end is at the end: a rounding error. */
const ROUNDING_MS = 1e-6;

/**
 * When the requests of an open loop are due, in milliseconds after its start and in order, whatever becomes of them.
 * Evenly spaced (the first at once), or a Poisson process, for which alone `random` is asked. Pure.
 */
export function* dueTimes(schedule: Schedule, random: Random): Generator<number, void, void> {
  const { arrivals, durationMs = Infinity, totalCount = Infinity } = schedule;
  let expected = arrivals === 'uniform' ? 0 : gap(random);
  for (let count = 0; count < totalCount; count++) {
    const dueMs = timeOf(schedule, expected);
    if (dueMs >= durationMs - ROUNDING_MS) return;
    yield dueMs;
    // Not added up one by one: errors would add up too.
    expected = arrivals === 'uniform' ? count + 1 : expected + gap(random);
  }
}

/** How many there will be, on average; Infinity where nothing ends it. */
export function expectedArrivals({ durationMs = Infinity, totalCount = Infinity, ...rest }: Schedule): number {
  return Math.min(totalCount, Math.max(1, Math.ceil(arrivedAfter(rest, durationMs - ROUNDING_MS))));
}

/** How long they take to come, on average. */
export function expectedMs({ durationMs = Infinity, totalCount = Infinity, ...rest }: Schedule): number {
  return Math.min(durationMs, timeOf(rest, totalCount));
}

type Ramp = Pick<Schedule, 'ratePerSecond' | 'rampUpMs'>;

/** The area below the rate until then. */
function arrivedAfter({ ratePerSecond, rampUpMs }: Ramp, ms: number): number {
  const perMs = ratePerSecond / 1000;
  return ms < rampUpMs ? (perMs * ms * ms) / (2 * rampUpMs) : perMs * (ms - rampUpMs / 2);
}

/** Its inverse: when so many have come. */
function timeOf({ ratePerSecond, rampUpMs }: Ramp, count: number): number {
  const perMs = ratePerSecond / 1000;
  const inRampUp = (perMs * rampUpMs) / 2;
  return count < inRampUp ? Math.sqrt((2 * count * rampUpMs) / perMs) : rampUpMs / 2 + count / perMs;
}

/** Between two arrivals of a Poisson process of rate 1; a process of another rate is this one with its time stretched. */
function gap(random: Random): number {
  return -Math.log(1 - random());
}

/** What arrives per second: at a rate always, of `numClients` in a closed loop when servers need no time. May be infinite. */
export function offeredPerSecond(pacing: StressPacing, numClients: number): number {
  if (pacing.mode === 'rate') return pacing.ratePerSecond;
  return (numClients * 2000) / (pacing.minDelayMs + pacing.maxDelayMs);
}
