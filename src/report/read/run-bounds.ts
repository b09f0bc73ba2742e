/** The bounds of a run that its run files tell: its end, its warm-up, its faults, the longest that a request may take. */
import { longestSuccess } from '../../core/metrics/population';
import type { Inputs } from './inputs';
import type { Interval } from '../report';
import { MAX_RUN_MS, type RunSpan } from './run-span';

type Told = Pick<Inputs, 'loads' | 'records'>;

/**
 * Returns the end of the run, after the grace period, in Unix milliseconds: when the last load ended or, if a run file
 * does not tell, when the last request was due. (Not when it ended: a slower request must not make a run longer.)
 */
export function endOf({ loads }: Pick<Told, 'loads'>, { from, lastDueMs }: RunSpan): number {
  const ends = loads.flatMap(({ ended_at }) => ended_at ?? []);
  const endMs = Math.max(lastDueMs, ...ends);
  const isKnown = ends.length > 0 && ends.length === loads.length && endMs - from <= MAX_RUN_MS;
  return isKnown ? endMs : lastDueMs;
}

/**
 * Returns the time in which faults may have been felt: from the first request, or from the start of the load if records
 * are missing, to the end of the load. null without both.
 */
export function wholeRunOf(
  { loads, missingRecords }: Pick<Inputs, 'loads' | 'missingRecords'>,
  span: RunSpan | null,
): Interval | null {
  const isWhole = span !== null && missingRecords === 0;
  const begun = loads.reduce((first, { started_at }) => Math.min(first, started_at), span?.from ?? Infinity);
  const from = isWhole ? span.from : begun;
  const to = loads.reduce((last, { ended_at }) => Math.max(last, ended_at ?? -Infinity), span?.to ?? -Infinity);
  if (from <= to && to - from <= MAX_RUN_MS) return { from, to };
  return span;
}

/**
 * Returns false if a load was cut, or has lost its end or its run file: then a rate over its duration would be too high,
 * and nobody knows what was felt after the last request that was due.
 */
export function isEndKnown({ loads, records }: Told): boolean {
  const ended = new Set(
    loads.flatMap(({ run_id, machine_id, ended_at }) => (ended_at === null ? [] : [`${run_id} ${machine_id}`])),
  );
  return ended.size === loads.length && records.every(({ runId, machineId }) => ended.has(`${runId} ${machineId}`));
}

/** Returns the longest warm-up of all machines. */
export function warmupSecsOf({ loads }: Pick<Told, 'loads'>): number {
  return loads.reduce((longest, { warmup_secs }) => Math.max(longest, warmup_secs), 0);
}

/** Returns the end of the warm-up in Unix milliseconds; -Infinity if there is none. */
export function warmUntilOf({ loads }: Pick<Told, 'loads'>, span: RunSpan | null): number {
  const warmMs = warmupSecsOf({ loads }) * 1000;
  if (warmMs === 0 || span === null) return -Infinity;
  return Math.min(span.from, ...loads.map(({ started_at }) => started_at)) + warmMs;
}

/**
 * Returns the longest that a success can take, in ms: the longest wait for a client and the request timeout, of all
 * loads. Infinity if a run file does not tell.
 */
export function longestSuccessMs({ loads, records }: Told): number {
  const machines = new Set(records.map(({ runId, machineId }) => `${runId} ${machineId}`));
  const limits = loads.map(({ config }) => limitMs(config));
  return limits.length === 0 || limits.length < machines.size ? Infinity : Math.max(...limits);
}

function limitMs(config: object): number {
  const { request_timeout_secs: secs, rate_per_second: rate } = config as Record<string, unknown>;
  if (typeof secs !== 'number' || !(secs > 0)) return Infinity;
  return longestSuccess(secs * 1000, rate !== undefined && rate !== null);
}

/** Returns true if a load was part of `run`, which makes faults, but there is no file of them. */
export function mayLackFaults({ faults, loads }: Pick<Inputs, 'faults' | 'loads'>): boolean {
  return (
    faults === null &&
    loads.some(({ command_line: [, command], ended_by }) => command === 'run' || ended_by === 'caller')
  );
}
