/** The load settings that `stress` and `run` share (the table [stress] of their files, and flags), in part with `client`. */
import { toMs } from './to-ms';
import type { Merged } from './merge';
import { setting, type ValuesOf } from './settings';
import { choice, decimal, whole } from './value-types';

const DAY_SECS = 24 * 3600;

/** The default duration of a load at a rate. */
export const DEFAULT_DURATION_SECS = 300;

/** The arrival distribution at a rate: evenly spaced, or random like the requests of many independent users. */
const ARRIVALS = ['uniform', 'poisson'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Starts each request a think time (uniform in this range) after the last one of its client ended. */
export interface ThinkTimePacing {
  mode: 'closed_loop';
  minDelayMs: number;
  maxDelayMs: number;
}

/** Starts requests at a rate of all clients together, or with think times. */
export type StressPacing = { mode: 'rate'; ratePerSecond: number; arrivals: Arrivals } | ThinkTimePacing;

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
    help: 'leave requests due in the first SECS out of totals, thresholds and baseline',
  }),
};

type LoadValues = ValuesOf<typeof loadSettings>;
type ThinkTimes = ValuesOf<typeof thinkTimes>;

/** A command's default think times. */
type ThinkTimeDefaults = Record<keyof typeof thinkTimes, { fallback: number }>;

/** The limits of a load, which ends at whichever comes first. */
interface Limits {
  totalRequests?: number;
  durationSecs?: number;
}

/**
 * Completes the load settings by the defaults that depend on others, and checks them against each other.
 * @param totalRequests the default without a rate and a duration; undefined if the caller ends the load
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function resolveLoad<V extends LoadValues>(
  merged: Merged<V>,
  defaults: ThinkTimeDefaults,
  totalRequests?: number,
): V {
  const { values, isTyped, error } = merged;
  const isAtRate = values.rate_per_second !== undefined;
  if (!isAtRate && isTyped('arrivals')) throw error('arrivals', 'expected --rate beside it');
  const defaultLimits = isAtRate ? { durationSecs: DEFAULT_DURATION_SECS } : { totalRequests };
  const typedLimits = { totalRequests: values.requests_per_client, durationSecs: values.duration_secs };
  const limits = totalRequests === undefined ? typedLimits : limitsOf(typedLimits, defaultLimits);
  checkPhases(merged, limits.durationSecs);
  return {
    ...values,
    requests_per_client: limits.totalRequests,
    duration_secs: limits.durationSecs,
    arrivals: isAtRate ? (values.arrivals ?? 'uniform') : undefined,
    ...(isAtRate ? {} : thinkTimesOf(merged, defaults)),
  };
}

/** Returns the limits of a load, or the default ones if it has none. */
export function limitsOf(limits: Limits, defaults: Limits): Limits {
  const hasLimit = limits.totalRequests !== undefined || limits.durationSecs !== undefined;
  return hasLimit ? limits : defaults;
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

/**
 * Returns both think times. A maximum below the default minimum lowers that minimum.
 * @param flagsMoveOthers if set, a flag moves the other think time instead of contradicting the file or a default: one
 * client is tried out with single flags. The load of `stress` and `run` is measured, and must not change silently.
 * @throws ClusterError `bad_usage` | `bad_config` if the minimum exceeds the maximum
 */
export function thinkTimesOf<V extends ThinkTimes>(
  { values, isTyped, nameOf, error }: Merged<V>,
  defaults: ThinkTimeDefaults,
  { flagsMoveOthers = false } = {},
): Required<ThinkTimes> {
  const least = values.min_delay_ms ?? defaults.min_delay_ms.fallback;
  const most = values.max_delay_ms ?? defaults.max_delay_ms.fallback;
  const [isMinTyped, isMaxTyped] = [isTyped('min_delay_ms'), isTyped('max_delay_ms')];
  const maxMs = flagsMoveOthers && isMinTyped && !isMaxTyped ? Math.max(most, least) : most;
  const isMinFixed = flagsMoveOthers ? isMinTyped : values.min_delay_ms !== undefined;
  const minMs = isMinFixed ? least : Math.min(least, maxMs);
  if (minMs <= maxMs) return { min_delay_ms: minMs, max_delay_ms: maxMs };
  const limit = `${maxMs}${values.max_delay_ms === undefined ? ', its default' : ''}`;
  throw error('min_delay_ms', `expected at most ${nameOf('max_delay_ms')} (${limit}), got ${minMs}`);
}

/** Paces by the rate if one is set, else by think times; seconds become milliseconds. */
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
