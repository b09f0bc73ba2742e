/** Flags that the client commands share. */
import { Flags } from '@oclif/core';
import type { ClientOverrides } from './overrides';
import { printable } from '../../core/printable';
import { ClusterError } from '../../core/errors';

/** Repeatable; replaces the addresses in the file. */
export const serverFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  helpValue: 'HOST:PORT',
  summary: 'server address, instead of those in the file; repeatable',
});

export interface NumberFlag {
  helpValue: string;
  summary: string;
  min: number;
  max: number;
  isWhole?: boolean;
}

const DAY_MS = 86_400_000;
const ID = { min: 1, max: 1_000_000, isWhole: true };
const DELAY = { helpValue: 'MS', min: 0, max: DAY_MS };

const NUMBERS = {
  'machine-id': { helpValue: 'N', summary: 'machine number in the client name Machine_{n}_Client_{i}', ...ID },
  'client-id': { helpValue: 'I', summary: 'client number in the client name Machine_{n}_Client_{i}', ...ID },
  requests: { helpValue: 'N', summary: 'stop after N requests', min: 1, max: 1_000_000_000, isWhole: true },
  rate: { helpValue: 'R', summary: 'requests per second', min: 0.001, max: 1_000_000 },
  duration: { helpValue: 'SECS', summary: 'stop starting requests after SECS', min: 0.001, max: DAY_MS / 1000 },
  'min-delay-ms': { summary: 'minimum think time after each request (default: 100)', ...DELAY },
  'max-delay-ms': { summary: 'maximum think time after each request (default: 2000)', ...DELAY },
  seed: {
    helpValue: 'N',
    summary: 'seed of the random choices (default: random)',
    min: 0,
    max: 2 ** 47,
    isWhole: true,
  },
} satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

/** The flag of a number, read as a string: oclif would bury our error message in one of its own. */
export const text = ({ helpValue, summary }: NumberFlag) => Flags.string({ helpValue, summary });

/** The flags of `client` that define its load. */
export const loadFlags = {
  'machine-id': text(NUMBERS['machine-id']),
  'client-id': text(NUMBERS['client-id']),
  'image-dir': Flags.string({
    helpValue: 'DIR',
    summary: 'folder of the images to send, picked at random (default: ./test_images)',
  }),
  requests: text(NUMBERS.requests),
  rate: text(NUMBERS.rate),
  duration: text(NUMBERS.duration),
  'min-delay-ms': text(NUMBERS['min-delay-ms']),
  'max-delay-ms': text(NUMBERS['max-delay-ms']),
  seed: text(NUMBERS.seed),
  server: serverFlag,
};

type LoadFlagValues = Partial<Record<NumberName | 'image-dir', string>> & { server?: string[] };

/** Returns the settings that the load flags override. @throws ClusterError `bad_usage` naming the flag */
export function overridesOf(flags: LoadFlagValues): ClientOverrides & { seed?: number } {
  const number = (name: NumberName): number | undefined => numberOf(name, flags[name], NUMBERS[name]);
  return {
    servers: flags.server,
    imageDir: flags['image-dir'],
    machineId: number('machine-id'),
    clientId: number('client-id'),
    totalRequests: number('requests'),
    ratePerSecond: number('rate'),
    durationSecs: number('duration'),
    minDelayMs: number('min-delay-ms'),
    maxDelayMs: number('max-delay-ms'),
    seed: number('seed'),
  };
}

/** Parses the number that was typed; undefined if none was. @throws ClusterError `bad_usage` naming the flag */
export function numberOf(name: string, typed: string | undefined, flag: NumberFlag): number | undefined {
  if (typed === undefined) return undefined;
  const { min, max, isWhole = false } = flag;
  const value = /^-?\d+(\.\d+)?$/.test(typed) ? Number(typed) : NaN;
  if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  const what = isWhole ? 'a whole number' : 'a number';
  throw new ClusterError('bad_usage', `--${name}: expected ${what} from ${min} to ${max}, got "${printable(typed)}"`);
}
