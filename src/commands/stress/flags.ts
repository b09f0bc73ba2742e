/** The flags of `stress` and their values. */
import { Flags } from '@oclif/core';
import { STRESS_RANGES as RANGES, type StressOverrides } from '../../config/stress-config';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { type NumberFlag, numberOf, serverFlag, text } from '../client/flags';
import { loadFlags, type LoadFlagValues, loadOverridesOf } from './load-flags';

const NUMBERS = {
  'machine-id': {
    helpValue: 'N',
    summary: 'number of this machine in the client names Machine_{n}_Client_{i} (default: 1)',
    isWhole: true,
    ...RANGES.machineId,
  },
  clients: {
    helpValue: 'N',
    summary: 'number of concurrent clients, each with one request in flight (default: 100)',
    isWhole: true,
    ...RANGES.numClients,
  },
  'graceful-stop': {
    ...{ helpValue: 'SECS', summary: 'grace period for requests in flight when --duration ends (default: 30)' },
    ...RANGES.phaseSecs,
  },
  seed: { helpValue: 'N', summary: 'seed of the random choices (default: random)', isWhole: true, ...RANGES.seed },
  'start-at': { helpValue: 'UNIX_MS', summary: 'start time of the load', isWhole: true, min: 0, max: 8.64e15 },
  wait: {
    helpValue: 'SECS',
    summary: 'time to wait for the first answer of a server (default: 10)',
    min: 0.1,
    max: 86_400,
  },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

const DEFAULT_WAIT_SECS = 10;

const load = loadFlags({
  requests: 'requests per client (default: 1000); with --rate, N times --clients in all',
  rate: 'requests/s of all clients together, instead of think times; for 300 s unless --duration or --requests',
  duration: 'stop starting requests after SECS; without --requests their number is then unlimited',
  'ramp-up': 'spread the start of the clients, or ramp the rate up from 0, over SECS (default: 0)',
  warmup: 'leave requests that start in the first SECS out of the thresholds (default: 0)',
});

const expressions = (summary: string) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, helpValue: 'EXPR', summary });

export const stressFlags = {
  'machine-id': text(NUMBERS['machine-id']),
  clients: text(NUMBERS.clients),
  ...load,
  threshold: expressions('threshold that must hold at the end, like p99<800ms, else it exits with 3; repeatable'),
  'abort-on': expressions('threshold that must hold throughout, else the run ends; repeatable'),
  'graceful-stop': text(NUMBERS['graceful-stop']),
  'client-config': Flags.string({
    helpValue: 'FILE',
    summary: 'client configuration that lists the servers (default: config/client_stress.toml)',
  }),
  'image-dir': Flags.string({
    helpValue: 'DIR',
    summary: 'folder of the images to send, picked at random (default: ./test_images)',
  }),
  'metrics-dir': Flags.string({ helpValue: 'DIR', summary: 'folder to write the metrics to (default: ./metrics)' }),
  'metrics-address': Flags.string({
    helpValue: 'HOST:PORT',
    summary: 'address that serves Prometheus metrics (default: off)',
  }),
  seed: text(NUMBERS.seed),
  wait: text(NUMBERS.wait),
  server: serverFlag,
  // Set by `run`, which starts many machines together.
  'start-at': Flags.string({ hidden: true, helpValue: 'UNIX_MS', summary: 'start time of the load' }),
  'run-id': Flags.string({ hidden: true, helpValue: 'ID', summary: 'run id of all records (default: a new one)' }),
};

type TextName = 'run-id' | 'client-config' | 'image-dir' | 'metrics-dir' | 'metrics-address';
type StressFlagValues = LoadFlagValues &
  Partial<Record<NumberName | TextName, string> & Record<'server' | 'threshold' | 'abort-on', string[]>>;

/** Returns the settings that the flags override. @throws ClusterError `bad_usage` naming the flag */
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
