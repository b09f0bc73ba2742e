/** Tells what a load was to send: its loop, and how many requests, so that those without a record are found. */
import type { Loop } from '../../core/metrics/loop';
import type { StressRunFile } from '../../core/metrics/record';

type Plan = Pick<StressRunFile, 'config'>;

/** Returns a setting of a plan; null if it is missing or no number from 0. */
export function numberOf(plan: Plan | undefined, key: string): number | null {
  const value = (plan?.config as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'number' && value >= 0 ? value : null;
}

/** Returns the loop that sends the requests; null if the plan does not tell. */
export function loopOf(plan: Plan | undefined): Loop | null {
  if (numberOf(plan, 'rate_per_second') !== null) return 'open';
  return numberOf(plan, 'min_delay_ms') === null || numberOf(plan, 'max_delay_ms') === null ? null : 'closed';
}

/** As in the schedule of an open loop (src/client/pacer.pure.ts): a time closer to the end than this is the end. */
const ROUNDING_MS = 1e-6;

/**
 * Returns null if the load was not done, or its plan fixes no number: a duration in a closed loop, random arrivals. A load
 * that was interrupted has no plan either; of older files, only those of its clients tell.
 */
export function plannedCount(load: StressRunFile): number | null {
  const { started_at, ended_at, ended_by: endedBy } = load;
  const settings = load.config as Record<string, unknown>;
  const clients = numberOf(load, 'num_clients');
  const each = numberOf(load, 'requests_per_client');
  const rate = numberOf(load, 'rate_per_second');
  const secs = numberOf(load, 'duration_secs');
  const abortOn = settings['abort_on'];
  // Older files do not tell what ended the load.
  const mayAbort = endedBy === undefined && Array.isArray(abortOn) && abortOn.length > 0;
  if (ended_at === null || clients === null || mayAbort || (endedBy ?? 'plan') !== 'plan') return null;
  const inAll = each === null ? null : each * clients;
  if (secs === null) return inAll;
  if (rate === null || settings['arrivals'] !== 'uniform') return null;
  // The last one is due about a gap before the end; with a ramp-up, a little earlier.
  if (ended_at - started_at < secs * 1000 - 2000 / rate) return null;
  const rampUpSecs = Math.min(secs, numberOf(load, 'ramp_up_secs') ?? 0);
  const inTime = Math.max(1, Math.ceil((rate / 1000) * (secs * 1000 - ROUNDING_MS - rampUpSecs * 500)));
  return inAll === null ? inTime : Math.min(inAll, inTime);
}
