import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { check } from '../check/check';
import type { Verdict } from '../check/history';
import type { FaultEvent, RequestRecord, ServerEvent } from '../core/metrics/record';

/** Scheduling on busy machines included. */
const ONE_WAY_MS = 100;
/** The checker holds a whole history in memory. */
const MAX_BYTES = 1024 ** 3;
/** The defaults of server.toml, which are those of a run's servers. */
const TIMINGS = { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 };

export interface RunFiles {
  metricsDir: string;
  machineId: number;
  faults: string;
  serverDirs: readonly string[];
  requestTimeoutMs: number;
}

/** S1 to S8 over the files of a run. */
export function judgeRun({ metricsDir, machineId, faults, serverDirs, requestTimeoutMs }: RunFiles): Verdict[] {
  const requestFile = path.join(metricsDir, `machine_${machineId}_requests.ndjson`);
  const eventFiles = serverDirs.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('_events.ndjson'))
      .map((name) => path.join(folder, name)),
  );
  const bytes = [requestFile, ...eventFiles].reduce((sum, file) => sum + sizeOf(file), 0);
  if (bytes > MAX_BYTES) return [{ rule: 'S1', verdict: 'unknown', problems: ['too many records to check S1 to S8'] }];
  const servers = eventFiles.flatMap((file) => linesOf<ServerEvent>(file)).sort((a, b) => a.time - b.time);
  if (servers.length === 0) return [];
  const requests = linesOf<RequestRecord>(requestFile).filter(
    ({ outcome }) => outcome === 'success' || outcome === 'failure',
  );
  return check({
    servers,
    requests: requests.map((record) => ({ ...record, client_name: `Machine_${machineId}_Client_${record.client_id}` })),
    faults: linesOf<FaultEvent>(faults),
    serverIds: serverDirs.map((_, index) => index + 1),
    timings: TIMINGS,
    requestTimeoutMs,
    oneWayMs: ONE_WAY_MS,
    startMs: servers[0]!.time,
    endMs: servers.at(-1)!.time,
  });
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

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
