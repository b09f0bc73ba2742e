import { readFileSync } from 'node:fs';
import type { FaultEvent, RequestRecord, ServerEvent } from '../../../src/core/metrics/record';
import type { FaultReport, Report } from '../../../src/report/report';
import { quantile } from '../table';

/** The effects of one fault, from the report and the clients' records. Milliseconds; null if unknown or not applicable. */
export interface Cost {
  detectedMs: number | null;
  newLeaderMs: number | null;
  feltMs: number | null;
  recoveredMs: number | null;
  failed: number;
  /** Failure reasons with their counts. */
  reasons: Record<string, number>;
  /** The shortest time after which a request failed. */
  failedAfterMs: number | null;
  retried: number;
  hedged: number;
  p99SteadyMs: number | null;
  p99DuringMs: number | null;
  /** Requests started from the fault's start until the failure timeout after its end, including failed ones. */
  window: { requests: number; p999Ms: number; maxMs: number };
  /** From the start of the fault to the heal of the last server; unix milliseconds. */
  during: { from: number; to: number };
  /** From the return of the first server to the end of the first success after it. */
  successAfterHealMs: number | null;
}

const FAILURE_TIMEOUT_MS = 3000;
const HEALS = ['restart', 'resume', 'heal'];

/** @param files the report, the clients' records of a run with one fault, at one or more servers at once, and a file of faults that has it */
export function costOf(files: { report: string; requests: readonly string[]; faults: string }): Cost {
  const report = JSON.parse(readFileSync(files.report, 'utf8')) as Report;
  const faults = report.faults ?? [];
  const records = files.requests.flatMap((file) => linesOf<RequestRecord>(file)).filter(isOver);
  const worst = (measure: (fault: FaultReport) => number | null): number | null =>
    faults.reduce<number | null>((most, fault) => max(most, measure(fault)), null);
  const from = Math.min(...faults.map(({ start }) => start));
  const to = Math.max(...faults.map(({ end }) => end ?? Infinity));
  const heals = linesOf<FaultEvent>(files.faults).filter(
    ({ time, action, outcome }) => time >= from && outcome === 'done' && HEALS.includes(action),
  );
  const within = records.filter(({ start_time: start }) => start >= from && start <= to + FAILURE_TIMEOUT_MS);
  const latencies = within.map(({ latency_ms: latency }) => latency);
  const phase = (name: string) => report.phases.find((each) => each.phase === name);
  return {
    detectedMs: worst((fault) => fault.detected_first_ms),
    newLeaderMs: worst((fault) => fault.leader_all_ms),
    feltMs: worst((fault) => fault.felt_ms),
    recoveredMs: worst((fault) => fault.recovered_ms),
    failed: report.failed_requests,
    reasons: report.failure_reasons,
    failedAfterMs: records.reduce<number | null>(
      (least, { success, latency_ms: ms }) => (success ? least : Math.min(least ?? ms, ms)),
      null,
    ),
    retried: Math.max(...faults.map((fault) => fault.retried ?? NaN)),
    hedged: Math.max(...faults.map((fault) => fault.hedged ?? NaN)),
    p99SteadyMs: phase('steady')?.p99_ms ?? null,
    p99DuringMs: phase('fault')?.p99_ms ?? null,
    window: { requests: within.length, p999Ms: quantile(latencies, 0.999), maxMs: quantile(latencies, 1) },
    during: { from, to },
    successAfterHealMs: successAfter(records, Math.min(...heals.map(({ time }) => time))),
  };
}

/** `null` if there was none. */
function successAfter(records: readonly RequestRecord[], fromMs: number): number | null {
  const ends = records.flatMap(({ success, start_time, latency_ms }) => (success ? [start_time + latency_ms] : []));
  const first = Math.min(...ends.filter((end) => end >= fromMs));
  return first === Infinity ? null : first - fromMs;
}

function isOver({ outcome }: RequestRecord): boolean {
  return outcome === 'success' || outcome === 'failure';
}

function max(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

/** The state of the remaining server, from its own samples and events. */
export interface Survivor {
  serverId: number;
  /** The seconds in which it answered "overloaded" at least once. */
  overloadedSecs: number;
  /** The most tasks that ran or waited there. */
  peakTasks: number;
  peakMemoryMb: number;
}

/** @param eventFiles of all servers; the survivor is the one that was up all the time */
export function survivorOf(eventFiles: readonly string[], { from, to }: Cost['during']): Survivor {
  const events = eventFiles.flatMap((file) => linesOf<ServerEvent>(file));
  const within = events.filter(({ time }) => time >= from && time <= to);
  const samples = within.flatMap((event) => (event.event === 'sample' ? [event] : []));
  // Two of three are down until shortly before the end.
  const counts = new Map<number, number>();
  for (const { server_id: id } of samples) counts.set(id, (counts.get(id) ?? 0) + 1);
  const [serverId] = [...counts].sort(([, a], [, b]) => b - a)[0]!;
  const own = samples.filter((sample) => sample.server_id === serverId);
  return {
    serverId,
    overloadedSecs: within.filter((event) => event.event === 'overloaded' && event.server_id === serverId).length,
    peakTasks: Math.max(...own.map(({ active, queued }) => active + queued)),
    peakMemoryMb: Math.round(Math.max(...own.map(({ memory_bytes: bytes }) => bytes)) / 1024 / 1024),
  };
}

export function linesOf<T>(file: string): T[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}
