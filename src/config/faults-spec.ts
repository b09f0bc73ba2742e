import * as v from 'valibot';
import { FAULT_KINDS, type FaultKind, takesDown } from '../core/fault-kinds';
import { type Metric, parseThreshold, type Threshold } from '../core/metrics/threshold';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import { choice, decimal, toMs, whole } from './fields';
import { badConfig, type Problem } from './problem';
import { MAX_SERVER_ID } from './server-file';

export const FAULT_PATTERNS = ['ring', 'random', 'simultaneous', 'rolling'] as const;
export const FAULT_GROUPS = ['all', 'leader', 'followers', 'minority', 'majority'] as const;
export const PARTITION_FROM = ['peers', 'clients', 'both'] as const;
/** The metrics of the probe, which abort conditions may use. */
export const PROBE_METRICS: readonly Metric[] = ['failure_rate', 'min', 'avg', 'p50', 'p95', 'p99', 'p99.9', 'max'];

export type FaultPattern = (typeof FAULT_PATTERNS)[number];
export type FaultGroup = (typeof FAULT_GROUPS)[number];
export type PartitionFrom = (typeof PARTITION_FROM)[number];

/** The kinds, targets and timing of faults: everything that determines a plan. */
export interface FaultSpec {
  pattern: FaultPattern;
  /** At least one; if there are several, each step draws one by weight. */
  kinds: readonly { kind: FaultKind; weight: number }[];
  /** A group, or the ids of servers in the order of the ring. */
  target: FaultGroup | readonly number[];
  /** The number of servers at once with the pattern `simultaneous`. */
  count: number;
  cycles: number;
  /** The time from a heal to the next fault. */
  intervalMs: number;
  /** The duration of each fault. */
  restartDelayMs: number;
  seed: number;
  partitionFrom: PartitionFrom;
  delayMs: number;
  jitterMs: number;
  lossPercent: number;
}

export const DEFAULT_COUNT = 2;
const DEFAULT_LOSS_PERCENT = 20;
const MAX_DELAY_MS = 60_000;
const MAX_WEIGHT = 1_000_000;

const secs = () => decimal(0, 7 * 24 * 3600, 'seconds');
const milliseconds = () => decimal(0, MAX_DELAY_MS, 'milliseconds');
const words = (what: string) =>
  v.custom<string | string[]>(
    (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    what,
  );
const targets = () =>
  v.custom<string | number[]>(
    (value) => isGroup(value) || (Array.isArray(value) && value.length > 0 && value.every(isId)),
    `one of ${FAULT_GROUPS.map((word) => `"${word}"`).join(', ')}, or a list of ids of servers`,
  );

const NUMBERS = {
  cycles: whole(1, 100_000),
  interval: secs(),
  'restart-delay': secs(),
  count: whole(1, 1000),
  seed: whole(0, 2 ** 47),
  'delay-ms': milliseconds(),
  'jitter-ms': milliseconds(),
  'loss-percent': decimal(0.001, 100, 'percent'),
};

/** The keys of `[faults]` in faults.toml that define a spec and its abort conditions. */
export const specFields = {
  fault_interval_secs: v.optional(secs(), 30),
  restart_delay_secs: v.optional(secs(), 10),
  num_cycles: v.optional(NUMBERS.cycles, 3),
  pattern: v.optional(choice(FAULT_PATTERNS), 'ring'),
  kind: v.optional(words('a kind of fault such as "kill", or a list such as ["kill=3", "pause=1"]'), 'kill'),
  target: v.optional(targets(), 'all'),
  count: v.optional(NUMBERS.count),
  seed: v.optional(NUMBERS.seed),
  partition_from: v.optional(choice(PARTITION_FROM), 'both'),
  delay_ms: v.optional(milliseconds(), 200),
  jitter_ms: v.optional(milliseconds(), 100),
  loss_percent: v.optional(NUMBERS['loss-percent'], DEFAULT_LOSS_PERCENT),
  abort_when: v.optional(words('an expression such as "failure_rate>20%", or a list of them')),
  allow_total_outage: v.optional(
    v.custom<boolean>((value) => typeof value === 'boolean', 'true or false'),
    false,
  ),
};

export type SpecSettings = v.InferOutput<v.ObjectSchema<typeof specFields, undefined>>;

/** The flags for the same settings, as typed. */
export interface SpecFlags {
  cycles?: string;
  interval?: string;
  'restart-delay'?: string;
  pattern?: FaultPattern;
  kind?: string[];
  target?: string[];
  count?: string;
  seed?: string;
  'partition-from'?: PartitionFrom;
  'delay-ms'?: string;
  'jitter-ms'?: string;
  'loss-percent'?: string;
  'abort-when'?: string[];
  'allow-total-outage'?: boolean;
}

/** A spec, its abort conditions, and whether it may take down every server. */
export interface SpecConfig {
  spec: FaultSpec;
  /** The plan ends when one of these is true. */
  abortWhen: Threshold[];
  allowTotalOutage: boolean;
}

export interface SpecSource {
  settings: SpecSettings;
  flags: SpecFlags;
  /** The file as errors name it. */
  file: string;
  serverIds: readonly number[];
  /** Used if no seed is configured. */
  seed: number;
}

/**
 * Resolves the spec from file and flags; flags override the file.
 * @throws ClusterError `bad_config` | `bad_usage`, one line per problem, naming the flag or the key of the file
 */
export function specOf(source: SpecSource): SpecConfig {
  const { settings, flags, serverIds } = source;
  const problems: Problem[] = [];
  const name = (flag: keyof SpecFlags, key: keyof SpecSettings): string =>
    flags[flag] === undefined ? `${source.file}: faults.${key}` : `--${flag}`;
  const number = (flag: keyof typeof NUMBERS, inFile: number): number =>
    numberFlag(flag, flags[flag], problems) ?? inFile;
  const kinds = kindsOf(listOf(flags.kind ?? settings.kind), name('kind', 'kind'), problems);
  const target = targetOf(flags.target ?? settings.target, serverIds, name('target', 'target'), problems);
  const count = flags.count === undefined ? settings.count : numberFlag('count', flags.count, problems);
  const spec: FaultSpec = {
    ...{ pattern: flags.pattern ?? settings.pattern, kinds, target, count: count ?? DEFAULT_COUNT },
    cycles: number('cycles', settings.num_cycles),
    intervalMs: toMs(number('interval', settings.fault_interval_secs)),
    restartDelayMs: toMs(number('restart-delay', settings.restart_delay_secs)),
    seed: number('seed', settings.seed ?? source.seed),
    partitionFrom: flags['partition-from'] ?? settings.partition_from,
    ...delayOf(number, name('jitter-ms', 'jitter_ms'), source, problems),
    lossPercent: number('loss-percent', settings.loss_percent),
  };
  const allowTotalOutage = flags['allow-total-outage'] ?? settings.allow_total_outage;
  if (problems.length === 0) {
    spec.count = countIn(spec, count, serverIds.length, name, problems);
    problems.push(...outageProblems(spec, serverIds.length, allowTotalOutage));
  }
  if (problems.length > 0) throw badConfig(problems);
  const conditions = listOf(flags['abort-when'] ?? settings.abort_when ?? []);
  return { spec, abortWhen: conditionsOf(conditions, name('abort-when', 'abort_when')), allowTotalOutage };
}

function numberFlag(name: keyof typeof NUMBERS, typed: string | undefined, problems: Problem[]): number | undefined {
  if (typed === undefined) return undefined;
  const result = v.safeParse(NUMBERS[name], /^\d+(\.\d+)?$/.test(typed) ? Number(typed) : NaN);
  if (result.success) return result.output;
  problems.push({ key: `--${name}`, text: `expected ${result.issues[0].message}, got "${printable(typed)}"` });
  return undefined;
}

/** Parses `kill`, or `kill=3` with a weight. */
function kindsOf(texts: readonly string[], key: string, problems: Problem[]): FaultSpec['kinds'] {
  const seen = new Set<string>();
  return texts.flatMap((text) => {
    const [, word = '', weightText = '1'] = /^([a-z]+)(?:=(\d+(?:\.\d+)?))?$/.exec(text.trim()) ?? [];
    const kind = FAULT_KINDS.find((each) => each === word);
    const weight = Number(weightText);
    const isGood = kind !== undefined && weight > 0 && weight <= MAX_WEIGHT && !seen.has(kind);
    if (isGood) seen.add(kind);
    if (isGood) return [{ kind, weight }];
    const expected = `expected one of ${FAULT_KINDS.join(', ')}, each once, with a weight above 0 if any (kill=3)`;
    problems.push({ key, text: `${expected}, got "${printable(text)}"` });
    return [];
  });
}

function targetOf(
  given: string | readonly (string | number)[],
  serverIds: readonly number[],
  key: string,
  problems: Problem[],
): FaultSpec['target'] {
  const list = typeof given === 'string' ? [given] : given;
  const [first] = list;
  if (list.length === 1 && isGroup(first)) return first;
  const ids = list.flatMap((each) => String(each).split(',')).map((word) => (/^\d+$/.test(word) ? Number(word) : NaN));
  const wrong = ids.findIndex((id, index) => !serverIds.includes(id) || ids.indexOf(id) !== index);
  if (wrong < 0) return ids;
  const expected = `expected one of ${FAULT_GROUPS.join(', ')}, or ids of servers (${serverIds.join(', ')}), each once`;
  problems.push({ key, text: `${expected}, got "${printable(list.join(', '))}"` });
  return 'all';
}

/** A jitter that no flag sets is capped at the delay of a flag instead of being refused. */
function delayOf(
  number: (flag: 'delay-ms' | 'jitter-ms', inFile: number) => number,
  jitterKey: string,
  { settings, flags }: SpecSource,
  problems: Problem[],
): Pick<FaultSpec, 'delayMs' | 'jitterMs'> {
  const delayMs = number('delay-ms', settings.delay_ms);
  const jitterMs = number('jitter-ms', settings.jitter_ms);
  if (jitterMs <= delayMs) return { delayMs, jitterMs };
  if (flags['jitter-ms'] === undefined && flags['delay-ms'] !== undefined) return { delayMs, jitterMs: delayMs };
  problems.push({ key: jitterKey, text: `expected at most the delay, ${delayMs}, got ${jitterMs}` });
  return { delayMs, jitterMs };
}

/** Returns the number of servers that a fault affects at once. */
function countIn(
  { pattern, target }: FaultSpec,
  given: number | undefined,
  servers: number,
  name: (flag: 'count' | 'target', key: 'count' | 'target') => string,
  problems: Problem[],
): number {
  if (target === 'minority' || target === 'majority') {
    const count = target === 'minority' ? Math.floor((servers - 1) / 2) : Math.floor(servers / 2) + 1;
    if (given !== undefined)
      problems.push({ key: name('count', 'count'), text: `expected no count: the target ${target} sets it` });
    const text = `expected at least 3 servers for a minority of them, got ${servers}`;
    if (count === 0) problems.push({ key: name('target', 'target'), text });
    return count;
  }
  const pool =
    target === 'leader' ? 1 : target === 'followers' ? servers - 1 : target === 'all' ? servers : target.length;
  if (pool === 0) {
    const text = 'expected at least 2 servers: one alone has no follower';
    problems.push({ key: name('target', 'target'), text });
  }
  if (pattern !== 'simultaneous') {
    const text = 'expected 1: only the pattern simultaneous affects several servers at once';
    if (given !== undefined && given > 1) problems.push({ key: name('count', 'count'), text });
    return 1;
  }
  if (given !== undefined && given > pool && pool > 0) {
    const text = `expected at most the number of targets, ${pool}, got ${given}`;
    problems.push({ key: name('count', 'count'), text });
  }
  return Math.min(given ?? DEFAULT_COUNT, pool);
}

/** With one server listed, the size of the cluster is unknown, and nothing is checked. */
function outageProblems({ kinds, count, lossPercent }: FaultSpec, servers: number, isAllowed: boolean): Problem[] {
  if (isAllowed || servers === 1 || count < servers || !kinds.some(({ kind }) => takesDown({ kind, lossPercent })))
    return [];
  const text = `this plan takes down all ${servers} servers at once, which needs this flag`;
  return [{ key: '--allow-total-outage', text }];
}

function conditionsOf(expressions: readonly string[], where: string): Threshold[] {
  try {
    return expressions.map((expression) => parseThreshold(expression, { where, known: PROBE_METRICS }));
  } catch (error) {
    if (!(error instanceof ClusterError) || where.startsWith('--')) throw error;
    throw new ClusterError('bad_config', error.message, { cause: error });
  }
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isGroup(value: unknown): value is FaultGroup {
  return FAULT_GROUPS.includes(value as FaultGroup);
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SERVER_ID;
}
