/** The load settings that `stress` and `run` share: the table [stress] of their files, and flags. */
import type { Pacing } from './client-config';
import { toMs } from './to-ms';
import type { Merged } from './merge';
import { setting, type ValuesOf } from './settings';
import { choice, decimal, whole } from './value-types';

const DAY_SECS = 24 * 3600;

/** The arrival distribution at a rate: evenly spaced, or random like the requests of many independent users. */
const ARRIVALS = ['uniform', 'poisson'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Starts requests at a rate of all clients together, or each client's next one a think time after its last ended. */
export type StressPacing =
  { mode: 'rate'; ratePerSecond: number; arrivals: Arrivals } | Extract<Pacing, { mode: 'closed_loop' }>;

/** The load of a run. */
export interface LoadShape {
  pacing: StressPacing;
  /** Requests per client; at a rate, all clients together send this number times the number of clients. */
  totalRequests?: number;
  /** The load ends at whichever limit comes first. */
  durationMs?: number;
  /** The start of the clients is spread over this time; a rate ramps up from 0. */
  rampUpMs: number;
}

/** Ramp-up, warm-up and graceful stop. */
export const phaseSecs = () => decimal(0, DAY_SECS, 'seconds');
/** Requests per second. */
export const requestRate = () => decimal(0.001, 1_000_000);
export const requestCount = () => whole(1, 1_000_000_000);
const delayMs = () => decimal(0, DAY_SECS * 1000, 'milliseconds');

/** Think times, also of `client`. */
export const thinkTimes = {
  min_delay_ms: setting(delayMs(), {
    flag: 'min-delay-ms',
    fallback: 100,
    help: 'minimum think time after each request',
  }),
  max_delay_ms: setting(delayMs(), {
    flag: 'max-delay-ms',
    fallback: 2000,
    help: 'maximum think time after each request',
  }),
};

export const loadSettings = {
  requests_per_client: setting(requestCount(), {
    flag: 'requests',
    help: 'number of requests per client',
    replaces: ['duration_secs'],
  }),
  ...thinkTimes,
  rate_per_second: setting(requestRate(), {
    flag: 'rate',
    placeholder: 'R',
    help: 'requests/s of all clients together, instead of think times',
    conflicts: ['min_delay_ms', 'max_delay_ms'],
    // The number in the file is meant for each client.
    replaces: ['requests_per_client'],
  }),
  arrivals: setting(choice(ARRIVALS), {
    flag: 'arrivals',
    fallback: 'uniform',
    help: 'arrival distribution at a rate',
  }),
  duration_secs: setting(decimal(0.001, DAY_SECS, 'seconds'), {
    flag: 'duration',
    help: 'stop starting requests after SECS',
    replaces: ['requests_per_client'],
  }),
  ramp_up_secs: setting(phaseSecs(), {
    flag: 'ramp-up',
    default: 0,
    help: 'spread the start of the clients, or ramp the rate up from 0, over SECS',
  }),
  warmup_secs: setting(phaseSecs(), {
    flag: 'warmup',
    default: 0,
    help: 'leave requests that start in the first SECS out of the thresholds',
  }),
};

type LoadValues = ValuesOf<typeof loadSettings>;

/** A command's default think times. */
type ThinkTimeDefaults = Record<keyof typeof thinkTimes, { fallback: number }>;

/** A command's default limits of a load. */
interface LoadLimits {
  totalRequests: number;
  rateDurationSecs: number;
}

/**
 * Completes the load settings by the defaults that depend on others, and checks them against each other.
 * @param limits undefined if the caller ends the load
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function resolveLoad<V extends LoadValues>(
  merged: Merged<V>,
  defaults: ThinkTimeDefaults,
  limits?: LoadLimits,
): V {
  const { values, isTyped, error } = merged;
  const isAtRate = values.rate_per_second !== undefined;
  if (!isAtRate && isTyped('arrivals')) throw error('arrivals', 'expected --rate beside it');
  const settings = { ...values, ...limitsOf(values, limits) };
  checkPhases(merged, settings.duration_secs);
  const pacing = isAtRate ? { arrivals: values.arrivals ?? 'uniform' } : thinkTimesOf(merged, defaults);
  return { ...settings, arrivals: undefined, ...pacing };
}

/** Returns the default limit of a load without one. */
function limitsOf(
  { requests_per_client: requests, duration_secs: secs, rate_per_second: rate }: LoadValues,
  limits: LoadLimits | undefined,
): Partial<LoadValues> {
  if (limits === undefined || requests !== undefined || secs !== undefined) return {};
  return rate === undefined
    ? { requests_per_client: limits.totalRequests }
    : { duration_secs: limits.rateDurationSecs };
}

function checkPhases<V extends LoadValues>({ values, nameOf, error }: Merged<V>, limit = Infinity): void {
  for (const key of ['ramp_up_secs', 'warmup_secs'] as const) {
    const secs = values[key];
    if (secs === 0 || secs < limit) continue;
    const isDefault = values.duration_secs === undefined;
    const most = `${nameOf('duration_secs')} (${limit}${isDefault ? ', its default' : ''})`;
    throw error(key, `expected less than ${most}, got ${secs}`);
  }
}

/** A maximum think time below the default minimum lowers that minimum. */
function thinkTimesOf<V extends LoadValues>(
  { values, nameOf, error }: Merged<V>,
  defaults: ThinkTimeDefaults,
): Partial<LoadValues> {
  const maxMs = values.max_delay_ms ?? defaults.max_delay_ms.fallback;
  const minMs = values.min_delay_ms ?? Math.min(defaults.min_delay_ms.fallback, maxMs);
  if (minMs <= maxMs) return { min_delay_ms: minMs, max_delay_ms: maxMs };
  const limit = `${maxMs}${values.max_delay_ms === undefined ? ', its default' : ''}`;
  throw error('min_delay_ms', `expected at most ${nameOf('max_delay_ms')} (${limit}), got ${minMs}`);
}

/** Converts resolved settings into a load. */
export function loadShapeOf(resolved: LoadValues): LoadShape {
  const { rate_per_second: ratePerSecond, arrivals = 'uniform', min_delay_ms, max_delay_ms } = resolved;
  const { requests_per_client: totalRequests, duration_secs: secs, ramp_up_secs } = resolved;
  return {
    pacing:
      ratePerSecond === undefined
        ? { mode: 'closed_loop', minDelayMs: min_delay_ms!, maxDelayMs: max_delay_ms! }
        : { mode: 'rate', ratePerSecond, arrivals },
    totalRequests,
    durationMs: secs === undefined ? undefined : toMs(secs),
    rampUpMs: toMs(ramp_up_secs),
  };
}
