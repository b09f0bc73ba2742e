import { existsSync, readFileSync } from 'node:fs';
import { check } from '../check/check';
import type { Verdict } from '../check/history';
import type { FaultEvent, RequestRecord, ServerEvent } from '../core/metrics/record';
import type { PlacedFile } from '../report/collect';
import { sizeOf } from '../faults/drivers/server-log';

/** Scheduling on busy machines included. */
const ONE_WAY_MS = 100;
/** The checker holds a whole history in memory. */
const MAX_BYTES = 1024 ** 3;
/** The defaults of server.toml, which are those of a run's servers. */
const TIMINGS = { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 };

export interface RunFiles {
  requestFiles: readonly (PlacedFile & { machineId: number })[];
  eventFiles: readonly PlacedFile[];
  /** fault_events.ndjson of this machine; need not exist. */
  faults: string;
  serverIds: readonly number[];
  requestTimeoutMs: number;
  /** How far the clocks of two machines may still differ. Default: they are one. */
  clockErrorMs?: number;
}

/** S1 to S8 over the files of a run. */
export function judgeRun(files: RunFiles): Verdict[] {
  const { requestFiles, eventFiles, faults, serverIds, requestTimeoutMs, clockErrorMs = 0 } = files;
  const bytes = [...requestFiles, ...eventFiles].reduce((sum, file) => sum + sizeOf(file.path), 0);
  if (bytes > MAX_BYTES) return [{ rule: 'S1', verdict: 'unknown', problems: ['too many records to check S1 to S8'] }];
  const servers = eventFiles.flatMap(eventsOf).sort((a, b) => a.time - b.time);
  if (servers.length === 0) return [];
  return check({
    servers,
    requests: requestFiles.flatMap(requestsOf),
    faults: linesOf<FaultEvent>(faults),
    serverIds: [...serverIds],
    timings: TIMINGS,
    requestTimeoutMs,
    oneWayMs: ONE_WAY_MS + clockErrorMs,
    startMs: servers[0]!.time,
    endMs: servers.at(-1)!.time,
  });
}

function eventsOf({ path, offsetMs }: PlacedFile): ServerEvent[] {
  return linesOf<ServerEvent>(path).map((event) => ({ ...event, time: event.time - offsetMs }));
}

function requestsOf({ path, offsetMs, machineId }: RunFiles['requestFiles'][number]) {
  const ended = linesOf<RequestRecord>(path).filter(({ outcome }) => outcome === 'success' || outcome === 'failure');
  return ended.map((record) => ({
    ...record,
    start_time: record.start_time - offsetMs,
    client_name: `Machine_${machineId}_Client_${record.client_id}`,
  }));
}

/** Whole lines only: a killed server may have left half of one, and its next life goes on behind it. */
function linesOf<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => parsed<T>(line));
}

function parsed<T>(line: string): T[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [value as T] : [];
  } catch {
    return [];
  }
}
