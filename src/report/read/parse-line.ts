/** Parses lines of the files that a run writes, and checks every field: no file is trusted. */
import {
  type ClockLine,
  type FaultEvent,
  type GeneratorSample,
  LOAD_ENDS,
  OUTCOMES,
  type RequestRecord,
  type ServerEvent,
  type StressRunFile,
} from '../../core/metrics/record';
import { printable } from '../../core/printable';
import { MAX_LATENCY_MS } from './columns';
import { parseJson } from './parse-json';

/** A valid value, or the reason why the line is invalid. */
export type Parsed<T> = { ok: T } | { problem: string };

type Fields = Record<string, unknown>;
/** Tests a value; `expected` names the values that pass, for an error. */
type Check = ((value: unknown) => boolean) & { readonly expected: string };

const checked = (expected: string, test: (value: unknown) => boolean): Check => Object.assign(test, { expected });

export const MAX_UNIX_MS = 8.64e15;
export const MAX_TEXT_CHARS = 1000;
const ACTIONS = ['kill', 'terminate', 'pause', 'resume', 'partition', 'delay', 'loss', 'heal', 'restart'];

const isUpTo =
  (most: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= 0 && value <= most;
const count = checked('a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const latency = checked(`milliseconds from 0 to ${MAX_LATENCY_MS}`, isUpTo(MAX_LATENCY_MS));
const time = checked(`Unix milliseconds from 0 to ${MAX_UNIX_MS}`, isUpTo(MAX_UNIX_MS));
const measure = checked('a number from 0', isUpTo(Number.MAX_SAFE_INTEGER));
/** A request is sent when it is due, or later: both times are rounded to the microsecond. */
export const MOST_ROUNDING_MS = 0.002;
const flag = checked('true or false', (value) => typeof value === 'boolean');
const text = checked(
  `a text of at most ${MAX_TEXT_CHARS} characters`,
  (value) => typeof value === 'string' && value.length <= MAX_TEXT_CHARS,
);
/** More than a client that tries each server once can meet. */
const MAX_WRONG = 1000;
const isServers = checked(
  `a list of 1 to ${MAX_WRONG} server ids, null for an unknown one`,
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_WRONG &&
    value.every((each) => each === null || count(each)),
);
const oneOf = (words: readonly string[]): Check =>
  checked(`one of ${words.join(', ')}`, (value) => words.includes(value as string));
const isCounts = checked(
  'an object with whole numbers',
  (value) => typeof value === 'object' && value !== null && Object.values(value).every((each) => count(each)),
);
const orNull = (check: Check): Check => checked(`${check.expected} or null`, (value) => value === null || check(value));
const absentOr = (check: Check): Check => checked(check.expected, (value) => value === undefined || check(value));

const RECORD: [keyof RequestRecord, Check][] = [
  ['client_id', count],
  ['request_id', count],
  ['start_time', time],
  ['latency_ms', latency],
  ['service_ms', latency],
  ['success', flag],
  ['failure_reason', orNull(text)],
  ['assigned_server_id', orNull(count)],
  ['retry_count', count],
  ['hedged', flag],
  ['bytes_sent', count],
  ['bytes_received', count],
  ['image', text],
  ['term', count],
  ['outcome', oneOf(OUTCOMES)],
  ['run_id', text],
  ['wrong_carriers', absentOr(isServers)],
];

const FAULT: [keyof FaultEvent, Check][] = [
  ['time', time],
  ['server_id', count],
  ['action', oneOf(ACTIONS)],
  ['outcome', oneOf(['started', 'done', 'failed'])],
];

const EVENT: [string, Check][] = [
  ['time', time],
  ['server_id', count],
  ['event', text],
];

/** A time of some clock; may be negative. */
const moment = checked('milliseconds', (value) => typeof value === 'number' && Math.abs(value) <= MAX_UNIX_MS);

const CLOCK: [string, Check][] = [
  ['by_ms', orNull(moment)],
  ['ahead_ms', moment],
  ['machine_ms', moment],
  ['suspended_ms', moment],
  ['boot_id', orNull(text)],
];

/** The fields that the report uses, by kind of event; other kinds are only counted. */
const EVENT_FIELDS: Record<string, [string, Check][]> = {
  election: [['term', count]],
  leader: [
    ['term', count],
    ['leader_id', count],
  ],
  stepped_down: [['term', count]],
  peer_down: [['peer_id', count]],
  resumed: [['late_ms', count]],
  clock: CLOCK,
  executed: [
    ['run_id', absentOr(text)],
    ['client_name', text],
    ['request_id', count],
    ['outcome', text],
  ],
  left_out: [['counts', isCounts]],
  sample: [
    ['cpu_percent', measure],
    ['memory_bytes', measure],
    ['active', measure],
    ['queued', measure],
    ['event_loop_delay_ms', measure],
  ],
};

const GENERATOR: [keyof GeneratorSample, Check][] = [
  ['time', time],
  ['run_id', text],
  ['cpu_percent', measure],
  ['memory_bytes', measure],
  ['event_loop_delay_ms', measure],
  ['event_loop_utilization_percent', measure],
  ['in_flight', measure],
  ['verification_backlog', measure],
  ['sent', measure],
  ['late_sends', measure],
  ['late_total_ms', measure],
  ['ended', measure],
  ['latency_total_ms', measure],
];

const texts = checked(
  'a list of texts',
  (value) => Array.isArray(value) && value.length <= MAX_TEXT_CHARS && value.every((each) => text(each)),
);

const RUN: [keyof StressRunFile, Check][] = [
  ['run_id', text],
  ['machine_id', count],
  ['command_line', texts],
  ['version', text],
  ['node_version', text],
  ['host', text],
  ['cores', count],
  ['seed', count],
  ['started_at', time],
  ['ended_at', orNull(time)],
  ['warmup_secs', measure],
  ['ended_by', absentOr(orNull(oneOf(LOAD_ENDS)))],
  ['config', checked('an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value))],
];

/** Parses a line of machine_{n}_requests.ndjson. */
export function parseRecord(line: string): Parsed<RequestRecord> {
  const parsed = parseFields<RequestRecord>(line, RECORD);
  if ('problem' in parsed) return parsed;
  const { success, outcome, service_ms: serviceMs, latency_ms: latencyMs } = parsed.ok;
  if (success !== (outcome === 'success')) return { problem: `"success" is ${success}, "outcome" is "${outcome}"` };
  if (serviceMs <= latencyMs + MOST_ROUNDING_MS) return parsed;
  return { problem: `"service_ms" is ${serviceMs}, more than "latency_ms" (${latencyMs})` };
}

/** Parses a line of fault_events.ndjson. */
export function parseFault(line: string): Parsed<FaultEvent | ClockLine> {
  return parseOrClock<FaultEvent>(line, FAULT, []);
}

/** Parses a line of machine_{n}_generator.ndjson. */
export function parseGeneratorSample(line: string): Parsed<GeneratorSample | (ClockLine & { run_id: string })> {
  return parseOrClock<GeneratorSample, ClockLine & { run_id: string }>(line, GENERATOR, [['run_id', text]]);
}

/** Parses the text of machine_{n}_run.json. */
export function parseRunFile(text: string): Parsed<StressRunFile> {
  return parseFields<StressRunFile>(text, RUN);
}

/** Parses a line of server_{id}_events.ndjson. */
export function parseEvent(line: string): Parsed<ServerEvent> {
  const parsed = parseFields<ServerEvent>(line, EVENT);
  if ('problem' in parsed || !Object.hasOwn(EVENT_FIELDS, parsed.ok.event)) return parsed;
  const problem = problemOf(parsed.ok as unknown as Fields, EVENT_FIELDS[parsed.ok.event]!);
  return problem === null ? parsed : { problem };
}

function parseOrClock<T, C = ClockLine>(
  line: string,
  checks: readonly [string, Check][],
  more: readonly [string, Check][],
): Parsed<T | C> {
  const parsed = parseFields<{ event?: unknown }>(line, []);
  if ('problem' in parsed) return parsed;
  const isClock = parsed.ok.event === 'clock';
  const problem = problemOf(parsed.ok as Fields, isClock ? [['time', time], ...CLOCK, ...more] : checks);
  return problem === null ? { ok: parsed.ok as T | C } : { problem };
}

function parseFields<T>(line: string, checks: readonly [string, Check][]): Parsed<T> {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    return { problem: 'not valid JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'not an object' };
  const problem = problemOf(value as Fields, checks);
  return problem === null ? { ok: value as T } : { problem };
}

/** Shows a value on one line; an object may be nested too deeply to be shown. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'string' ? JSON.stringify(printable(value)) : String(value);
}

function problemOf(fields: Fields, checks: readonly [string, Check][]): string | null {
  for (const [name, check] of checks) {
    if (check(fields[name])) continue;
    const { expected } = check;
    if (!Object.hasOwn(fields, name)) return `"${name}" is missing, expected ${expected}`;
    return `"${name}" is ${shown(fields[name])}, expected ${expected}`;
  }
  return null;
}
