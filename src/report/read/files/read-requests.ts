/** Reads a machine_{n}_requests.ndjson, converts its times to the clock of the report, and keeps the selected runs. */
import path from 'node:path';
import type { RequestRecord, StressRunFile } from '../../../core/metrics/record';
import { clientName, machineOfFile } from '../../../core/metrics/run-file-names';
import { WrongCarriers } from '../../../core/metrics/wrong-carriers';
import { ClusterError } from '../../../core/errors';
import { type FileClock, fixedClock, type LifeClock } from '../clocks';
import { RequestColumns } from '../columns';
import { BELIEVED_JUMP, IdLimit } from '../id-limit';
import type { Inputs, RunRecords } from '../inputs';
import { toMicros } from '../../../core/to-micros';
import { increment } from '../interner';
import { type Parsed, parseRecord } from '../parse-line';
import { readRecords } from './read-file';
import { FastRecordParser } from '../fast-parse-record';
import type { ClientTaskFlags } from '../task-flags';
import { wrongInDamaged, type WrongInLine } from '../wrong-in-damaged';

const MAX_RUNS_PER_FILE = 1000;
/** Times are this inexact after the steps of a clock were corrected. */
const CLOCK_ERROR_MS = 2000;

/** Selects the runs to report: the newest one in each file (by its records), one by id, or all. */
export type RunChoice = { take: 'newest' } | { take: 'all' } | { take: 'id'; runId: string };

/** The plan of a load, as far as it limits the records of one run. */
interface Planned {
  /** Unix milliseconds of the machine's own clock. */
  warmupEndMs: number;
  /** Unix milliseconds, corrected; null if unknown. */
  startedAtMs: number | null;
  /** Infinity if unknown. */
  endedAtMs: number;
  /** Requests that were due while the load did not run are damaged lines. */
  refusesStrays: boolean;
  ids: IdLimit;
}

/** Converts the times of the records with `clock`. `plans` are those of the loads whose files are in the same folder. */
export function readRequests(
  file: string,
  choice: RunChoice,
  inputs: Inputs,
  clock: FileClock = fixedClock(0),
  plans: readonly StressRunFile[] = [],
): void {
  const first = scan(file, inputs, clock, plans, true);
  // If most are strays, the times of the run file are wrong, not those of the records.
  const isPlanWrong = first.runs.some(({ strays, columns }) => strays > columns.count);
  if (isPlanWrong) forgetAll(first.runs, inputs);
  const { runs, read } = isPlanWrong ? scan(file, inputs, clock, plans, false) : first;
  const { unreadable, ...told } = read;
  const repeats = runs.reduce((sum, run) => sum + run.repeats, 0);
  inputs.files.push(repeats > 0 ? { ...told, repeats } : told);
  if (unreadable) inputs.missing.push(`${file}: ${told.problems[0]}`);
  choose(runs, choice, inputs);
}

function scan(file: string, inputs: Inputs, clock: FileClock, plans: readonly StressRunFile[], refusesStrays: boolean) {
  const folder = path.dirname(file);
  const machineId = machineOfFile(file);
  const parts = new Map<string, { run: RunRecords; planned: Planned }>();
  const partOf = (runId: string) => {
    let part = parts.get(runId);
    if (part === undefined && parts.size < MAX_RUNS_PER_FILE) {
      const run = newRun(file, folder, machineId, runId, clock.of(runId));
      parts.set(runId, (part = { run, planned: { ...plannedOf(run, plans), refusesStrays } }));
    }
    return part;
  };
  const take = (record: RequestRecord): string | void => {
    const part = partOf(record.run_id);
    if (part === undefined) return `more than ${MAX_RUNS_PER_FILE} runs in one file`;
    return fold(record, part.run, inputs, part.planned);
  };
  const told: WrongInLine[] = [];
  const parse = (line: string): Parsed<RequestRecord> => {
    const parsed = parseRecord(line);
    if ('problem' in parsed) told.push(...wrongInDamaged(line));
    return parsed;
  };
  const read = readRecords(file, 'records', parse, take, new FastRecordParser());
  for (const { runId, serverId } of told) partOf(runId)?.run.wrong.addOf(serverId);
  return { runs: [...parts.values()].map(({ run }) => run), read };
}

function plannedOf(
  { runId, machineId, clock }: RunRecords,
  plans: readonly StressRunFile[],
): Omit<Planned, 'refusesStrays'> {
  const all = plans.filter(({ run_id: id }) => id === runId);
  const warmup = all.findLast(({ warmup_secs: secs }) => secs > 0);
  const own = all.find(({ machine_id: id }) => id === machineId);
  return {
    warmupEndMs: warmup === undefined ? -Infinity : warmup.started_at + warmup.warmup_secs * 1000,
    startedAtMs: own === undefined ? null : own.started_at - clock.offsetAt(own.started_at),
    endedAtMs: own === undefined || own.ended_at === null ? Infinity : own.ended_at - clock.offsetAt(own.ended_at),
    ids: new IdLimit(own),
  };
}

function newRun(file: string, folder: string, machineId: number, runId: string, clock: LifeClock): RunRecords {
  return {
    path: file,
    folder,
    machineId,
    runId,
    clock,
    columns: new RequestColumns(),
    reasons: new Map(),
    wrong: new WrongCarriers(),
    repeats: 0,
    strays: 0,
    conflicts: 0,
    latestMs: -Infinity,
    retries: 0,
    bytesSent: 0,
    bytesReceived: 0,
    interrupted: 0,
    unsent: 0,
    firstStartMs: Infinity,
    lastStartMs: -Infinity,
    lastEndMs: -Infinity,
    clients: new Map(),
  };
}

function fold(record: RequestRecord, run: RunRecords, inputs: Inputs, planned: Planned): string | void {
  const startMs = record.start_time - run.clock.offsetAt(record.start_time);
  const refusal = refuse(record, startMs, run, planned);
  const tasks = refusal === undefined ? clientOf(record.client_id, run, inputs) : undefined;
  const seen = tasks?.see(record) ?? 'full';
  // A wrong carrier is one, whatever else the line says; a copy of it is none.
  if (seen !== 'seen') run.wrong.add(record);
  if (refusal !== undefined) return refusal;
  run.latestMs = Math.max(run.latestMs, startMs + record.latency_ms);
  if (seen === 'full' || tasks === undefined) return 'its client or request id is too far from the others';
  if (seen !== 'new') {
    run.repeats += 1;
    if (seen === 'differs') run.conflicts += 1;
    return `request ${record.request_id} of client ${record.client_id} is already counted`;
  }
  tasks.sums.add(record);
  if (record.outcome === 'interrupted') run.interrupted += 1;
  else if (record.outcome === 'unsent') run.unsent += 1;
  tasks.follow(record.request_id, startMs, startMs + record.latency_ms);
  if (record.success && !record.hedged && record.retry_count === 0) {
    tasks.time(record.request_id, startMs, startMs + record.latency_ms);
  }
  addRow(record, startMs, run, inputs);
  if (record.start_time < planned.warmupEndMs) return;
  run.retries += record.retry_count;
  run.bytesSent += record.bytes_sent;
  run.bytesReceived += record.bytes_received;
}

/** Returns a reason if the load cannot have had this request. */
function refuse(record: RequestRecord, startMs: number, run: RunRecords, planned: Planned): string | undefined {
  const noClient = planned.ids.refuseClient(record.client_id);
  if (noClient !== undefined) return noClient;
  const isStray = isBeside(startMs, planned);
  if (isStray) run.strays += 1;
  if (isStray && planned.refusesStrays)
    return `"start_time" is ${record.start_time}, when the load did not run, by its run file`;
  return refuseId(record, startMs, run.clients.get(record.client_id), planned);
}

/** Returns true if the load did not run at that time, by its run file. */
function isBeside(startMs: number, { startedAtMs, endedAtMs }: Planned): boolean {
  return startMs < (startedAtMs ?? -Infinity) - CLOCK_ERROR_MS || startMs > endedAtMs + CLOCK_ERROR_MS;
}

/** Returns a reason if the client cannot have got as far as this id. */
function refuseId(
  { request_id: id, latency_ms: latencyMs }: RequestRecord,
  startMs: number,
  tasks: ClientTaskFlags | undefined,
  { ids, startedAtMs }: Planned,
): string | undefined {
  if (id > ids.plannedId) return ids.refusePlanned(id);
  const { lastId = 0, lastDueMs = -Infinity } = tasks ?? {};
  if (id <= lastId + BELIEVED_JUMP) return undefined;
  const endMs = startMs + latencyMs;
  return startedAtMs === null
    ? ids.refuseJump(id, id - lastId, endMs - lastDueMs)
    : ids.refuseJump(id, id, endMs - startedAtMs);
}

function clientOf(clientId: number, run: RunRecords, inputs: Inputs): ClientTaskFlags | undefined {
  const known = run.clients.get(clientId);
  if (known !== undefined) return known;
  const tasks = inputs.tasks.of(run.runId, clientName(run.machineId, clientId));
  if (tasks !== undefined) run.clients.set(clientId, tasks);
  return tasks;
}

function addRow(record: RequestRecord, dueMs: number, run: RunRecords, { images, servers, reasons }: Inputs): void {
  const { service_ms: serviceMs, assigned_server_id: serverId } = record;
  // Rounded to the microsecond like the columns, so that the run begins and ends exactly with its rows.
  const latencyMs = toMicros(record.latency_ms);
  const startMs = toMicros(dueMs);
  const isFailed = record.outcome === 'failure';
  const reason = isFailed ? reasons.indexOf(record.failure_reason ?? 'unknown') + 1 : 0;
  if (reason > 0) increment(run.reasons, reasons.all[reason - 1]!);
  // Field by field: a spread would cost more than the rest of the line.
  run.columns.add({
    startMs,
    latencyMs,
    serviceMs,
    image: images.indexOf(record.image),
    server: serverId === null ? 0 : servers.indexOf(serverId) + 1,
    term: record.term,
    reason,
    success: record.success,
    isFailed,
    retried: record.retry_count > 0,
    hedged: record.hedged,
  });
  run.firstStartMs = Math.min(run.firstStartMs, startMs);
  run.lastStartMs = Math.max(run.lastStartMs, startMs);
  run.lastEndMs = Math.max(run.lastEndMs, startMs + latencyMs);
}

function choose(runs: RunRecords[], choice: RunChoice, inputs: Inputs): void {
  const newest = runs.reduce<RunRecords | undefined>(
    (best, run) => (best === undefined || run.latestMs > best.latestMs ? run : best),
    undefined,
  );
  const isWanted = (run: RunRecords): boolean =>
    choice.take === 'all' || (choice.take === 'id' ? run.runId === choice.runId : run === newest);
  for (const run of runs) {
    inputs.runs.push({ run_id: run.runId, file: run.path, requests: run.columns.count, taken: isWanted(run) });
    if (run.repeats > 0) inputs.notes.push(repeatsOf(run));
    if (isCopy(run)) continue;
    if (isWanted(run)) inputs.records.push(run);
    else if (!isTaken(run, inputs)) forgetAll([run], inputs);
  }
  if (runs.length < 2) return;
  const left = runs.filter((run) => !isWanted(run)).length;
  const which = choice.take === 'newest' ? 'the newest is used' : `${left} of them are not selected`;
  inputs.notes.push(`${runs[0]!.path} has ${runs.length} runs, ${which} (select with --run ID or --run all)`);
}

function forgetAll(runs: readonly RunRecords[], { tasks }: Inputs): void {
  for (const { runId, machineId, clients } of runs) {
    for (const id of clients.keys()) tasks.forget(runId, clientName(machineId, id));
  }
}

/** Returns true if every request in it is already counted. */
function isCopy({ columns, interrupted, unsent, repeats }: RunRecords): boolean {
  return repeats > 0 && columns.count + interrupted + unsent === 0;
}

/** Returns true if another file has records of this run. */
function isTaken({ runId, machineId }: RunRecords, { records }: Inputs): boolean {
  return records.some((other) => other.runId === runId && other.machineId === machineId);
}

function repeatsOf(run: RunRecords): string {
  const what = isCopy(run) ? `is a copy: all ${run.repeats} requests of a run` : `repeats ${run.repeats} requests that`;
  return `${run.path} ${what} are already counted; they count once`;
}

/** @throws ClusterError `bad_usage` if no file has the requested run */
export function checkRunFound(choice: RunChoice, inputs: Inputs): void {
  if (choice.take !== 'id' || inputs.records.length > 0 || inputs.clients.length > 0) return;
  const known = [...new Set(inputs.runs.map((run) => run.run_id))].slice(0, 5).map((id) => JSON.stringify(id));
  const list = known.length === 0 ? 'there are no runs' : `known runs: ${known.join(', ')}`;
  throw new ClusterError('bad_usage', `--run: run ${JSON.stringify(choice.runId)} not found in the files; ${list}`);
}
