/** The flags of `stress`, and what they say. */
import { Flags } from '@oclif/core';
import { STRESS_RANGES as RANGES, type StressOverrides } from '../../config/stress-config';
import { type NumberFlag, numberOf, serverFlag, text } from '../client/flags';

const NUMBERS = {
  'machine-id': { helpValue: 'N', summary: 'names clients Machine_{n}_Client_{i}', isWhole: true, ...RANGES.machineId },
  clients: { helpValue: 'N', summary: 'concurrent clients', isWhole: true, ...RANGES.numClients },
  requests: { helpValue: 'N', summary: 'of each client', isWhole: true, ...RANGES.requestsPerClient },
  'min-delay-ms': { helpValue: 'MS', summary: 'think time after each request, at least', ...RANGES.delayMs },
  'max-delay-ms': { helpValue: 'MS', summary: 'think time after each request, at most', ...RANGES.delayMs },
  duration: {
    ...{ helpValue: 'SECS', summary: 'stop after so long; without --requests their number has no limit then' },
    ...RANGES.durationSecs,
  },
  seed: { helpValue: 'N', summary: 'makes the same choices again', isWhole: true, ...RANGES.seed },
  wait: { helpValue: 'SECS', summary: 'for a server to answer, default 10', min: 0.1, max: 86_400 },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

const DEFAULT_WAIT_SECS = 10;

export const stressFlags = {
  'machine-id': text(NUMBERS['machine-id']),
  clients: text(NUMBERS.clients),
  requests: text(NUMBERS.requests),
  'min-delay-ms': text(NUMBERS['min-delay-ms']),
  'max-delay-ms': text(NUMBERS['max-delay-ms']),
  duration: text(NUMBERS.duration),
  'client-config': Flags.string({ helpValue: 'FILE', summary: 'where the servers stand' }),
  'image-dir': Flags.string({ helpValue: 'DIR', summary: 'pictures to send, picked at random' }),
  'metrics-dir': Flags.string({ helpValue: 'DIR', summary: 'where its files go, default ./metrics' }),
  seed: text(NUMBERS.seed),
  wait: text(NUMBERS.wait),
  server: serverFlag,
};

type StressFlagValues = Partial<
  Record<NumberName | 'client-config' | 'image-dir' | 'metrics-dir', string> & { server: string[] }
>;

/** What the flags say. @throws ClusterError `bad_usage` naming the flag */
export function stressOverridesOf(flags: StressFlagValues): { overrides: StressOverrides; waitMs: number } {
  const number = (name: NumberName): number | undefined => numberOf(name, flags[name], NUMBERS[name]);
  const overrides = {
    machineId: number('machine-id'),
    numClients: number('clients'),
    requestsPerClient: number('requests'),
    minDelayMs: number('min-delay-ms'),
    maxDelayMs: number('max-delay-ms'),
    durationSecs: number('duration'),
    clientConfig: flags['client-config'],
    imageDirectory: flags['image-dir'],
    metricsDir: flags['metrics-dir'],
    seed: number('seed'),
  };
  return { overrides, waitMs: (number('wait') ?? DEFAULT_WAIT_SECS) * 1000 };
}
