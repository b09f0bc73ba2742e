/** The flags of `stress`, and what they say. */
import { Flags } from '@oclif/core';
import { STRESS_RANGES as RANGES, type StressOverrides } from '../../config/stress-config';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { type NumberFlag, numberOf, serverFlag, text } from '../client/flags';
import { loadFlags, type LoadFlagValues, loadOverridesOf } from './load-flags';

const NUMBERS = {
  'machine-id': { helpValue: 'N', summary: 'names clients Machine_{n}_Client_{i}', isWhole: true, ...RANGES.machineId },
  clients: {
    helpValue: 'N',
    summary: 'concurrent clients, each with one request at a time',
    isWhole: true,
    ...RANGES.numClients,
  },
  'graceful-stop': {
    ...{ helpValue: 'SECS', summary: 'what is in flight at the end of --duration may take so long, default 30' },
    ...RANGES.phaseSecs,
  },
  seed: { helpValue: 'N', summary: 'makes the same choices again', isWhole: true, ...RANGES.seed },
  'start-at': { helpValue: 'UNIX_MS', summary: 'when the load begins', isWhole: true, min: 0, max: 8.64e15 },
  wait: { helpValue: 'SECS', summary: 'for a server to answer, default 10', min: 0.1, max: 86_400 },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

const DEFAULT_WAIT_SECS = 10;

const load = loadFlags({
  requests: 'of each client; at a rate that many times --clients in all',
  rate: 'requests/s of all clients together, on schedule, instead of think times; 300 s without --duration or --requests',
  duration: 'start no more after so long; without --requests their number has no limit then',
  'ramp-up': 'clients begin spread over so long; a rate grows from nothing to what it is; default 0',
  warmup: 'what starts within so long is not judged by thresholds, default 0',
});

const expressions = (summary: string) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR', summary });

export const stressFlags = {
  'machine-id': text(NUMBERS['machine-id']),
  clients: text(NUMBERS.clients),
  ...load,
  threshold: expressions('what must hold at the end, like p99<800ms, repeatable; else it exits with 3'),
  'abort-on': expressions('what must hold all the time, repeatable; the first that does not ends the run'),
  'graceful-stop': text(NUMBERS['graceful-stop']),
  'client-config': Flags.string({ helpValue: 'FILE', summary: 'where the servers stand' }),
  'image-dir': Flags.string({ helpValue: 'DIR', summary: 'pictures to send, picked at random' }),
  'metrics-dir': Flags.string({ helpValue: 'DIR', summary: 'where its files go, default ./metrics' }),
  'metrics-address': Flags.string({ helpValue: 'HOST:PORT', summary: 'where Prometheus may ask, default: nowhere' }),
  seed: text(NUMBERS.seed),
  wait: text(NUMBERS.wait),
  server: serverFlag,
  // Of `run`, which starts many machines together.
  'start-at': Flags.string({ hidden: true, helpValue: 'UNIX_MS', summary: 'when the load begins' }),
  'run-id': Flags.string({ hidden: true, helpValue: 'ID', summary: 'of all its records, instead of a fresh one' }),
};

type TextName = 'run-id' | 'client-config' | 'image-dir' | 'metrics-dir' | 'metrics-address';
type StressFlagValues = LoadFlagValues &
  Partial<Record<NumberName | TextName, string> & Record<'server' | 'threshold' | 'abort-on', string[]>>;

/** What the flags say. @throws ClusterError `bad_usage` naming the flag */
export function stressOverridesOf(flags: StressFlagValues): {
  overrides: StressOverrides;
  waitMs: number;
  startAtMs?: number;
  runId?: string;
} {
  const number = (name: NumberName): number | undefined => numberOf(name, flags[name], NUMBERS[name]);
  const overrides = {
    machine_id: number('machine-id'),
    num_clients: number('clients'),
    ...loadOverridesOf(flags),
    thresholds: flags.threshold,
    abort_on: flags['abort-on'],
    graceful_stop_secs: number('graceful-stop'),
    client_config: flags['client-config'],
    image_directory: flags['image-dir'],
    metrics_output_dir: flags['metrics-dir'],
    metrics_address: flags['metrics-address'],
    seed: number('seed'),
  };
  const waitMs = (number('wait') ?? DEFAULT_WAIT_SECS) * 1000;
  return { overrides, waitMs, startAtMs: number('start-at'), runId: runIdOf(flags['run-id']) };
}

function runIdOf(typed: string | undefined): string | undefined {
  if (typed === undefined || /^[A-Za-z0-9-]{1,64}$/.test(typed)) return typed;
  throw new ClusterError('bad_usage', `--run-id: expected 1 to 64 letters, digits and "-", got "${printable(typed)}"`);
}
