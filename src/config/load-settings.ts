/** The load settings that `stress` and `run` share: the table [stress] of their files, and flags. */
import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import type { Pacing } from './client-config';
import { choice, decimal, toMs, whole } from './fields';
import type { Problem } from './problem';
import { MAX_PATH_CHARS } from './show';

const DAY_SECS = 24 * 3600;

/** The arrival distribution at a rate: evenly spaced, or random like the requests of many independent users. */
export const ARRIVALS = ['uniform', 'poisson'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Starts requests at a rate of all clients together, or each client's a think time after its last one ended. */
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

/** The range of a number, in the file and in flags. */
export const LOAD_RANGES = {
  requestsPerClient: { min: 1, max: 1_000_000_000 },
  delayMs: { min: 0, max: DAY_SECS * 1000 },
  ratePerSecond: { min: 0.001, max: 1_000_000 },
  durationSecs: { min: 0.001, max: DAY_SECS },
  /** Ramp-up, warm-up and graceful stop. */
  phaseSecs: { min: 0, max: DAY_SECS },
} as const;

const { requestsPerClient, delayMs, ratePerSecond, durationSecs, phaseSecs } = LOAD_RANGES;

export const loadFields = {
  requests_per_client: v.optional(whole(requestsPerClient.min, requestsPerClient.max)),
  min_delay_ms: v.optional(decimal(delayMs.min, delayMs.max)),
  max_delay_ms: v.optional(decimal(delayMs.min, delayMs.max)),
  rate_per_second: v.optional(decimal(ratePerSecond.min, ratePerSecond.max)),
  arrivals: v.optional(choice(ARRIVALS)),
  duration_secs: v.optional(decimal(durationSecs.min, durationSecs.max, 'seconds')),
  ramp_up_secs: v.optional(decimal(phaseSecs.min, phaseSecs.max, 'seconds'), 0),
  warmup_secs: v.optional(decimal(phaseSecs.min, phaseSecs.max, 'seconds'), 0),
};

type Optional = 'requests_per_client' | 'min_delay_ms' | 'max_delay_ms' | 'rate_per_second' | 'duration_secs';
type LoadSettings = Partial<Record<Optional, number>> & {
  arrivals?: Arrivals;
  ramp_up_secs: number;
  warmup_secs: number;
};

const FLAGS = {
  min_delay_ms: '--min-delay-ms',
  max_delay_ms: '--max-delay-ms',
  duration_secs: '--duration',
  ramp_up_secs: '--ramp-up',
  warmup_secs: '--warmup',
};

export interface LoadDefaults {
  /** The file, for messages. */
  file: string;
  minDelayMs: number;
  maxDelayMs: number;
  /** The limits of a load without configured ones; undefined if the caller ends it. */
  limits?: { totalRequests: number; rateDurationSecs: number };
}

/** Checks relations between settings of a file. */
export function loadProblems({ rate_per_second: rate, min_delay_ms: min, max_delay_ms: max }: LoadSettings): Problem[] {
  if (rate === undefined || (min === undefined && max === undefined)) return [];
  const loop = min === undefined ? 'max_delay_ms' : 'min_delay_ms';
  const text = `expected either a rate or think times (min_delay_ms, max_delay_ms), got ${rate} beside ${loop}`;
  return [{ key: 'stress.rate_per_second', text }];
}

/**
 * Resolves the load settings: the command line overrides the file. A rate on it replaces the think times and
 * requests_per_client of the file; a limit on it replaces the limits of the file.
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function resolveLoad<S extends LoadSettings>(inFile: S, flags: Partial<S>, defaults: LoadDefaults): S {
  const isAtRate = isRateWanted(inFile, flags);
  const settings = { ...inFile, ...given(flags), ...limitsOf(inFile, flags, isAtRate, defaults) };
  const delays = isAtRate ? { min_delay_ms: undefined, max_delay_ms: undefined } : delaysOf(inFile, flags, defaults);
  const rate = isAtRate
    ? { arrivals: settings.arrivals ?? 'uniform' }
    : { rate_per_second: undefined, arrivals: undefined };
  checkPhases(settings, inFile, flags, defaults);
  return { ...settings, ...delays, ...rate };
}

function checkPhases(
  settings: LoadSettings,
  inFile: LoadSettings,
  flags: Partial<LoadSettings>,
  defaults: LoadDefaults,
): void {
  const { duration_secs: limit = Infinity } = settings;
  const isDefault = flags.duration_secs === undefined && inFile.duration_secs === undefined;
  for (const key of ['ramp_up_secs', 'warmup_secs'] as const) {
    const secs = settings[key];
    if (secs === 0 || secs < limit) continue;
    const most = `${shortNameOf('duration_secs', flags)} (${limit}${isDefault ? ', its default' : ''})`;
    const text = `${nameOf(key, flags, defaults)}: expected less than ${most}, got ${secs}`;
    throw new ClusterError(flags[key] === undefined ? 'bad_config' : 'bad_usage', text);
  }
}

/** Converts resolved settings into a load. */
export function loadShapeOf(resolved: LoadSettings): LoadShape {
  const { rate_per_second: ratePerSecond, arrivals = 'uniform', min_delay_ms, max_delay_ms } = resolved;
  const { requests_per_client: totalRequests, duration_secs: secs, ramp_up_secs } = resolved;
  return {
    pacing:
      ratePerSecond === undefined
        ? { mode: 'closed_loop', minDelayMs: min_delay_ms!, maxDelayMs: max_delay_ms! }
        : { mode: 'rate', ratePerSecond, arrivals },
    ...{ totalRequests, durationMs: secs === undefined ? undefined : toMs(secs), rampUpMs: toMs(ramp_up_secs) },
  };
}

/** Drops undefined values, which must not override the file. */
export function given<T extends object>(values: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function isRateWanted(inFile: LoadSettings, flags: Partial<LoadSettings>): boolean {
  const isLoop = flags.min_delay_ms !== undefined || flags.max_delay_ms !== undefined;
  if (flags.rate_per_second !== undefined && isLoop) {
    throw new ClusterError(
      'bad_usage',
      '--rate and think times (--min-delay-ms, --max-delay-ms) are mutually exclusive',
    );
  }
  const isAtRate = flags.rate_per_second !== undefined || (!isLoop && inFile.rate_per_second !== undefined);
  if (isAtRate || flags.arrivals === undefined) return isAtRate;
  throw new ClusterError('bad_usage', '--arrivals: expected --rate beside it');
}

function limitsOf(
  inFile: LoadSettings,
  flags: Partial<LoadSettings>,
  isAtRate: boolean,
  { limits }: LoadDefaults,
): Pick<LoadSettings, 'requests_per_client' | 'duration_secs'> {
  const isGiven = flags.requests_per_client !== undefined || flags.duration_secs !== undefined;
  const { requests_per_client, duration_secs } = isGiven ? flags : inFile;
  const isForOthers = !isGiven && flags.rate_per_second !== undefined;
  const wanted = { requests_per_client: isForOthers ? undefined : requests_per_client, duration_secs };
  if (wanted.requests_per_client !== undefined || duration_secs !== undefined || limits === undefined) return wanted;
  const { totalRequests, rateDurationSecs } = limits;
  return isAtRate ? { ...wanted, duration_secs: rateDurationSecs } : { ...wanted, requests_per_client: totalRequests };
}

/** A maximum think time below the default minimum lowers that minimum. */
function delaysOf(
  inFile: LoadSettings,
  flags: Partial<LoadSettings>,
  defaults: LoadDefaults,
): Pick<LoadSettings, 'min_delay_ms' | 'max_delay_ms'> {
  const givenMaxMs = flags.max_delay_ms ?? inFile.max_delay_ms;
  const maxMs = givenMaxMs ?? defaults.maxDelayMs;
  const minMs = flags.min_delay_ms ?? inFile.min_delay_ms ?? Math.min(defaults.minDelayMs, maxMs);
  if (minMs <= maxMs) return { min_delay_ms: minMs, max_delay_ms: maxMs };
  const limit = `${maxMs}${givenMaxMs === undefined ? ', its default' : ''}`;
  const upper = shortNameOf('max_delay_ms', flags);
  const text = `${nameOf('min_delay_ms', flags, defaults)}: expected at most ${upper} (${limit}), got ${minMs}`;
  throw new ClusterError(flags.min_delay_ms === undefined ? 'bad_config' : 'bad_usage', text);
}

function nameOf(key: keyof typeof FLAGS, flags: Partial<LoadSettings>, { file }: LoadDefaults): string {
  return flags[key] === undefined ? `${printable(file, MAX_PATH_CHARS)}: stress.${key}` : FLAGS[key];
}

function shortNameOf(key: keyof typeof FLAGS, flags: Partial<LoadSettings>): string {
  return flags[key] === undefined ? `stress.${key}` : FLAGS[key];
}
