/** The flags of `run`, and what they say. */
import { Flags } from '@oclif/core';
import type { SpecFlags } from '../../config/faults-spec';
import { RUN_RANGES as RANGES, type RunOverrides } from '../../config/run-config';
import { STRESS_RANGES } from '../../config/stress-config';
import { ClusterError } from '../../core/errors';
import { type NumberFlag, numberOf, text } from '../client/flags';
import { specFlags } from '../faults/flags';
import { loadFlags, type LoadFlagValues, loadOverridesOf } from '../stress/load-flags';

const NUMBERS = {
  servers: { helpValue: 'N', summary: 'how many (default 3)', isWhole: true, ...RANGES.servers },
  port: {
    helpValue: 'N',
    summary: 'of the first server (default: where there is room)',
    isWhole: true,
    ...RANGES.port,
  },
  clients: { helpValue: 'N', summary: 'concurrent clients (default 10)', isWhole: true, ...STRESS_RANGES.numClients },
  cycles: {
    helpValue: 'N',
    summary: 'how often the ring goes round (default 1; 0: no faults)',
    isWhole: true,
    ...RANGES.cycles,
  },
  'first-fault': { helpValue: 'SECS', summary: 'of load before the first kill (default 8)', ...RANGES.secs },
  interval: { helpValue: 'SECS', summary: 'from a restart to the next kill (default 8)', ...RANGES.secs },
  'restart-delay': { helpValue: 'SECS', summary: 'how long a server stays down (default 4)', ...RANGES.secs },
  seed: { helpValue: 'N', summary: 'makes the same choices again', isWhole: true, ...STRESS_RANGES.seed },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

/** Those of `faults` that have the same meaning here, and those that have defaults of their own. */
const { cycles: _cycles, interval: _interval, 'restart-delay': _delay, seed: _seed, ...faultFlags } = specFlags;

export const runFlags = {
  servers: text(NUMBERS.servers),
  port: text(NUMBERS.port),
  clients: text(NUMBERS.clients),
  ...loadFlags({
    requests: 'of each client (default: until the faults are over)',
    'min-delay-ms': 'think time, at least (default 500)',
    'max-delay-ms': 'think time, at most (default 2500)',
    duration: 'of the load (default: until the faults are over)',
    warmup: 'what starts within so long is in no steady phase (default 0)',
    'ramp-up': 'the load grows for so long (default 0)',
  }),
  'image-dir': Flags.string({ helpValue: 'DIR', summary: 'pictures to send, picked at random' }),
  cycles: text(NUMBERS.cycles),
  'first-fault': text(NUMBERS['first-fault']),
  interval: text(NUMBERS.interval),
  'restart-delay': text(NUMBERS['restart-delay']),
  ...faultFlags,
  seed: text(NUMBERS.seed),
  threshold: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR' },
    summary: 'what must hold, like p99<800ms, repeatable',
  }),
  out: Flags.string({ helpValue: 'DIR', summary: 'a new folder for its files (default runs/<start time>)' }),
};

type PathName = 'image-dir' | 'out';
type RunFlagValues = LoadFlagValues & Partial<Record<NumberName | PathName, string> & { threshold: string[] }>;

/** Those that `faults` has too, as typed; the others have numbers and defaults of their own here. */
export function faultFlagsOf(flags: SpecFlags): SpecFlags {
  const { cycles: _cycles, interval: _interval, 'restart-delay': _delay, seed: _seed, ...rest } = flags;
  return rest;
}

/** What the flags say. @throws ClusterError `bad_usage` naming the flag */
export function runOverridesOf(flags: RunFlagValues): RunOverrides {
  const number = (name: NumberName): number | undefined => numberOf(name, flags[name], NUMBERS[name]);
  for (const name of ['image-dir', 'out'] as const) checkPath(name, flags[name]);
  return {
    run: { servers: number('servers'), port: number('port'), seed: number('seed') },
    stress: {
      num_clients: number('clients'),
      ...loadOverridesOf(flags),
      image_directory: flags['image-dir'],
    },
    faults: {
      first_fault_secs: number('first-fault'),
      fault_interval_secs: number('interval'),
      restart_delay_secs: number('restart-delay'),
      num_cycles: number('cycles'),
    },
    report: { thresholds: flags.threshold },
  };
}

function checkPath(name: PathName, typed: string | undefined): void {
  if (typed === undefined || typed.trim() !== '') return;
  throw new ClusterError('bad_usage', `--${name}: expected a path, got "${typed}"`);
}
