/** The load flags that `stress` and `run` share. */
import { Flags } from '@oclif/core';
import { ARRIVALS, type Arrivals, LOAD_RANGES as RANGES } from '../../config/load-settings';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { type NumberFlag, numberOf, text } from '../client/flags';

const NUMBERS = {
  requests: { helpValue: 'N', summary: 'requests per client', isWhole: true, ...RANGES.requestsPerClient },
  'min-delay-ms': {
    helpValue: 'MS',
    summary: 'minimum think time after each request (default: 100)',
    ...RANGES.delayMs,
  },
  'max-delay-ms': {
    helpValue: 'MS',
    summary: 'maximum think time after each request (default: 2000)',
    ...RANGES.delayMs,
  },
  rate: {
    ...{ helpValue: 'R', summary: 'requests/s of all clients together, instead of think times' },
    ...RANGES.ratePerSecond,
  },
  duration: { helpValue: 'SECS', summary: 'stop starting requests after SECS', ...RANGES.durationSecs },
  'ramp-up': { helpValue: 'SECS', summary: 'ramp the load up over SECS (default: 0)', ...RANGES.phaseSecs },
  warmup: {
    helpValue: 'SECS',
    summary: 'leave requests that start in the first SECS out of the thresholds (default: 0)',
    ...RANGES.phaseSecs,
  },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;
export type LoadFlagValues = Partial<Record<NumberName | 'arrivals', string>>;

/** Returns the load flags; `summaries` replaces the help of some of them. */
export function loadFlags(summaries: Partial<Record<NumberName, string>>) {
  const flag = (name: NumberName) => text({ ...NUMBERS[name], summary: summaries[name] ?? NUMBERS[name].summary });
  return {
    requests: flag('requests'),
    'min-delay-ms': flag('min-delay-ms'),
    'max-delay-ms': flag('max-delay-ms'),
    rate: flag('rate'),
    arrivals: Flags.string({
      helpValue: ARRIVALS.join('|'),
      summary: 'arrival distribution at --rate (default: uniform)',
    }),
    duration: flag('duration'),
    'ramp-up': flag('ramp-up'),
    warmup: flag('warmup'),
  };
}

/** Returns their values under the keys of the configuration files. @throws ClusterError `bad_usage` naming the flag */
export function loadOverridesOf(flags: LoadFlagValues) {
  const number = (name: NumberName): number | undefined => numberOf(name, flags[name], NUMBERS[name]);
  return {
    requests_per_client: number('requests'),
    min_delay_ms: number('min-delay-ms'),
    max_delay_ms: number('max-delay-ms'),
    rate_per_second: number('rate'),
    arrivals: arrivalsOf(flags.arrivals),
    duration_secs: number('duration'),
    ramp_up_secs: number('ramp-up'),
    warmup_secs: number('warmup'),
  };
}

function arrivalsOf(typed: string | undefined): Arrivals | undefined {
  const arrivals = ARRIVALS.find((word) => word === typed);
  if (typed === undefined || arrivals !== undefined) return arrivals;
  const expected = ARRIVALS.map((word) => `"${word}"`).join(' or ');
  throw new ClusterError('bad_usage', `--arrivals: expected ${expected}, got "${printable(typed)}"`);
}
