/** The flags of `run` and their values. */
import { Flags } from '@oclif/core';
import type { SpecFlags } from '../../config/faults-spec';
import { RUN_RANGES as RANGES, type RunOverrides } from '../../config/run-config';
import { STRESS_RANGES } from '../../config/stress-config';
import { ClusterError } from '../../core/errors';
import { type NumberFlag, numberOf, text } from '../client/flags';
import { specFlags } from '../faults/flags';
import { loadFlags, type LoadFlagValues, loadOverridesOf } from '../stress/load-flags';

const NUMBERS = {
  servers: { helpValue: 'N', summary: 'number of servers (default: 3)', isWhole: true, ...RANGES.servers },
  port: {
    helpValue: 'N',
    summary: 'port of the first server (default: the first free range)',
    isWhole: true,
    ...RANGES.port,
  },
  clients: {
    helpValue: 'N',
    summary: 'number of concurrent clients (default: 10)',
    isWhole: true,
    ...STRESS_RANGES.numClients,
  },
  cycles: {
    helpValue: 'N',
    summary: 'number of fault cycles (default: 1; 0 for no faults)',
    isWhole: true,
    ...RANGES.cycles,
  },
  'first-fault': { helpValue: 'SECS', summary: 'time under load before the first fault (default: 8)', ...RANGES.secs },
  interval: { helpValue: 'SECS', summary: 'time from a restart to the next fault (default: 8)', ...RANGES.secs },
  'restart-delay': { helpValue: 'SECS', summary: 'duration of each fault (default: 4)', ...RANGES.secs },
  seed: {
    helpValue: 'N',
    summary: 'seed of the random choices (default: random)',
    isWhole: true,
    ...STRESS_RANGES.seed,
  },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

/** The flags of `faults` without those that have other defaults here. */
const { cycles: _cycles, interval: _interval, 'restart-delay': _delay, seed: _seed, ...faultFlags } = specFlags;

export const runFlags = {
  servers: text(NUMBERS.servers),
  port: text(NUMBERS.port),
  clients: text(NUMBERS.clients),
  ...loadFlags({
    requests: 'requests per client (default: until the faults are over)',
    'min-delay-ms': 'minimum think time after each request (default: 500)',
    'max-delay-ms': 'maximum think time after each request (default: 2500)',
    duration: 'duration of the load (default: until the faults are over)',
    warmup: 'leave requests that start in the first SECS out of the steady phases (default: 0)',
    'ramp-up': 'ramp the load up over SECS (default: 0)',
  }),
  'image-dir': Flags.string({
    helpValue: 'DIR',
    summary: 'folder of the images to send, picked at random (default: ./test_images)',
  }),
  cycles: text(NUMBERS.cycles),
  'first-fault': text(NUMBERS['first-fault']),
  interval: text(NUMBERS.interval),
  'restart-delay': text(NUMBERS['restart-delay']),
  ...faultFlags,
  seed: text(NUMBERS.seed),
  threshold: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR' },
    summary: 'threshold that must hold, like p99<800ms; repeatable',
  }),
  out: Flags.string({ helpValue: 'DIR', summary: 'new folder to write all files to (default: runs/<start time>)' }),
};

type PathName = 'image-dir' | 'out';
type RunFlagValues = LoadFlagValues & Partial<Record<NumberName | PathName, string> & { threshold: string[] }>;

/** Returns the flags that `faults` has too, as typed, without those that have other defaults here. */
export function faultFlagsOf(flags: SpecFlags): SpecFlags {
  const { cycles: _cycles, interval: _interval, 'restart-delay': _delay, seed: _seed, ...rest } = flags;
  return rest;
}

/** Returns the settings that the flags override. @throws ClusterError `bad_usage` naming the flag */
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
