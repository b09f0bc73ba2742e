/** Checks the rules S1 to S8 over the files of a run, with times on one clock. */
import { existsSync } from 'node:fs';
import { check } from '../check/check';
import type { CheckedFault, DamagedFile } from '../check/history';
import type { RunConfig } from '../config/run-config';
import { ClusterError } from '../core/errors';
import type { FaultEvent, RequestRecord, ServerEvent } from '../core/metrics/record';
import { clientName } from '../core/metrics/run-file-names';
import { SAMPLE_MS, STALL_MS } from '../core/metrics/saturation';
import type { RuleResult } from '../core/rule-result';
import type { MachineNow } from '../report/collect/machine-now';
import { clockKeyOf, type Clocks } from '../report/read/clocks';
import type { PlacedFile } from '../report/collect/collect';
import { readClocks } from '../report/read/files/read-clocks';
import { readRecords } from '../report/read/files/read-file';
import { type Parsed, parseEvent, parseFault, parseGeneratorSample, parseRecord } from '../report/read/parse-line';
import { sizeOf } from '../files/size-of';

/** Bound on the one-way delay of a message, with scheduling on busy machines. Milliseconds. */
const ONE_WAY_MS = 100;
/** Limit on the size of the files, as the checker holds a whole history in memory. */
const MAX_BYTES = 1024 ** 3;

export interface RunFiles {
  requestFiles: readonly (PlacedFile & { machineId: number })[];
  eventFiles: readonly PlacedFile[];
  /** fault_events.ndjson on this machine; may be missing. */
  faults: string;
  serverIds: readonly number[];
  timings: RunConfig['timings'];
  requestTimeoutMs: number;
  /** The remaining uncertainty between the clocks of two machines (default: 0, one machine). */
  clockErrorMs?: number;
  /** The current readings of the clocks. */
  machines?: readonly MachineNow[];
}

/** Checks S1 to S8 over the files of a run. */
export function judgeRun(files: RunFiles): RuleResult[] {
  const { requestFiles, eventFiles, faults, serverIds, timings, requestTimeoutMs, clockErrorMs = 0 } = files;
  const bytes = [...requestFiles, ...eventFiles].reduce((sum, file) => sum + sizeOf(file.path), 0);
  if (bytes > MAX_BYTES) return [{ rule: 'S1', verdict: 'unknown', problems: ['too many records to check S1 to S8'] }];
  const clocks = clocksOf(files);
  const lines = new Lines();
  const servers = eventFiles.flatMap(({ path }) => eventsOf(path, clocks, lines)).sort((a, b) => a.time - b.time);
  if (servers.length === 0) return [{ rule: 'S1', verdict: 'unknown', problems: ['no server wrote any event'] }];
  const doubts = [...new Set(clocks.doubts.map(({ why }) => `times of different machines may be wrong: ${why}`))];
  if (doubts.length > 0) return [{ rule: 'S1', verdict: 'unknown', problems: doubts }];
  const requests = requestFiles.flatMap((file) => requestsOf(file, clocks, lines));
  const lastMs = servers.at(-1)!.time;
  return check({
    servers,
    requests,
    faults: faultsOf(faults, clocks, lines),
    serverIds: [...serverIds],
    timings,
    requestTimeoutMs,
    oneWayMs: ONE_WAY_MS + clockErrorMs,
    startMs: servers[0]!.time,
    // If all servers are dead, their events end before the load.
    endMs: requests.reduce((last, { start_time, latency_ms }) => Math.max(last, start_time + latency_ms), lastMs),
    damaged: lines.damaged,
  });
}

function clocksOf({ requestFiles, eventFiles, faults, machines = [] }: RunFiles): Clocks {
  const collected = requestFiles.map(({ path, offsetMs }) => {
    return { offsetMs, recordFiles: [path], generatorFiles: [`${clockKeyOf(path)}_generator.ndjson`], runFiles: [] };
  });
  return readClocks({ collected, faults: { path: faults, offsetMs: 0 }, events: eventFiles, machines });
}

function eventsOf(path: string, clocks: Clocks, lines: Lines): ServerEvent[] {
  let life = 0;
  return lines.of(path, 'events', parseEvent).map((event) => {
    if (event.event === 'started') life += 1;
    return { ...event, time: event.time - clocks.of(path).of(life).offsetAt(event.time) };
  });
}

/** Returns true for a partition that leaves the links between servers open; its detail says so first. */
function isFromClients({ action, detail }: FaultEvent): boolean {
  return action === 'partition' && /^from clients(;|$)/.test(detail ?? '');
}

function faultsOf(path: string, clocks: Clocks, lines: Lines): CheckedFault[] {
  let life = 0;
  return lines.of(path, 'faults', parseFault).flatMap((line) => {
    if (!('event' in line)) {
      const time = line.time - clocks.of(path).of(life).offsetAt(line.time);
      return [{ ...line, time, peers: isFromClients(line) ? [] : undefined }];
    }
    if (line.by_ms === null) life += 1;
    return [];
  });
}

/** Returns when the process of the clients stood still, on the clock of its requests. */
function pausesOf(recordFile: string): { fromMs: number; toMs: number; pausedMs: number }[] {
  const pauses: ReturnType<typeof pausesOf> = [];
  readRecords(`${clockKeyOf(recordFile)}_generator.ndjson`, 'generator', parseGeneratorSample, (sample) => {
    if ('event' in sample || sample.event_loop_delay_ms < STALL_MS) return;
    const { time, event_loop_delay_ms: pausedMs } = sample;
    // A sample says how long, but when only to about a second.
    pauses.push({ fromMs: time - pausedMs - SAMPLE_MS, toMs: time + SAMPLE_MS, pausedMs });
  });
  return pauses;
}

function requestsOf({ path, machineId }: RunFiles['requestFiles'][number], clocks: Clocks, lines: Lines) {
  const pauses = pausesOf(path);
  const pausedIn = ({ start_time: fromMs, latency_ms: ms }: RequestRecord): number =>
    pauses.reduce((sum, each) => sum + (each.fromMs < fromMs + ms && fromMs < each.toMs ? each.pausedMs : 0), 0);
  return lines.of(path, 'records', parseRecord).map((record) => ({
    ...record,
    start_time: record.start_time - clocks.of(path).of(record.run_id).offsetAt(record.start_time),
    client_name: clientName(machineId, record.client_id),
    paused_ms: pausedIn(record),
  }));
}

/** Reads the valid lines of files, and counts the others: a rule that needs them is unknown. */
class Lines {
  readonly damaged: DamagedFile[] = [];

  /** @throws ClusterError for a file that is there and cannot be read: without its lines a rule could seem to hold */
  of<T>(file: string, kind: DamagedFile['kind'], parse: (line: string) => Parsed<T>): T[] {
    const values: T[] = [];
    const { unreadable, problems, badLines } = readRecords(file, kind, parse, (value) => void values.push(value));
    if (unreadable && existsSync(file)) throw new ClusterError('internal', `cannot check ${file}: ${problems[0]}`);
    if (!unreadable && badLines > 0) this.damaged.push({ kind, file, lines: badLines });
    return values;
  }
}
