/** Hand-made runs: files in their own folder, read and built as the command reads and builds them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  FaultAction,
  FaultEvent,
  GeneratorSample,
  RequestRecord,
  ServerEventBody,
  ServerSample,
  StressRunFile,
} from '../../src/core/metrics/record';
import { buildReport, type BuildOptions } from '../../src/report/analyze/build';
import { collectLocal } from '../../src/report/collect/collect';
import type { Inputs } from '../../src/report/read/inputs';
import { readInputs } from '../../src/report/read/files/read';
import type { RunChoice } from '../../src/report/read/files/read-requests';
import type { Report } from '../../src/report/report';

/** The start of every run made here. */
export const T0 = 1_761_904_800_000;

/** A successful request; `at` is its start in ms into the run, its latency 20 ms by default. */
export function request(id: number, at: number, more: Partial<RequestRecord> = {}): RequestRecord {
  const latencyMs = more.latency_ms ?? 20;
  const success = (more.outcome ?? 'success') === 'success';
  return {
    client_id: 1,
    request_id: id,
    start_time: T0 + at,
    latency_ms: latencyMs,
    service_ms: latencyMs,
    success,
    failure_reason: more.outcome === 'failure' ? 'Connection refused' : null,
    assigned_server_id: 1,
    retry_count: 0,
    hedged: false,
    bytes_sent: 10,
    bytes_received: 20,
    image: 'small.png',
    term: 1,
    outcome: 'success',
    run_id: 'run-1',
    ...more,
  };
}

export function fault(at: number, serverId: number, action: FaultAction, more: Partial<FaultEvent> = {}): FaultEvent {
  const rest = { cycle: 1, host: 'localhost', outcome: 'done' as const, pid: 1, detail: null };
  return { time: T0 + at, server_id: serverId, action, ...rest, ...more };
}

const HEALS: readonly FaultAction[] = ['restart', 'resume', 'heal'];

function withStart(line: object, at: number, lines: readonly object[]): object[] {
  const all = lines as readonly Partial<FaultEvent>[];
  const { server_id, action, outcome } = all[at]!;
  const before = all.slice(0, at).findLast((each) => each.server_id === server_id && each.action === action);
  const isFault = action !== undefined && !HEALS.includes(action);
  if (!isFault || outcome !== 'done' || before?.outcome === 'started') return [line];
  return [{ ...line, outcome: 'started' }, line];
}

export function event(at: number, serverId: number, body: ServerEventBody): object {
  return { time: T0 + at, server_id: serverId, ...body };
}

/** A sample of a server. */
export function sample(at: number, serverId: number, more: Partial<ServerSample> = {}): object {
  const idle = { cpu_percent: 10, memory_bytes: 50e6, active: 1, queued: 0, ledger: 1, event_loop_delay_ms: 1 };
  return { time: T0 + at, server_id: serverId, event: 'sample', ...idle, ...more };
}

/** A sample of an idle load generator. */
export function generated(at: number, more: Partial<GeneratorSample> = {}): GeneratorSample {
  return {
    time: T0 + at,
    run_id: 'run-1',
    cpu_percent: 20,
    memory_bytes: 80e6,
    event_loop_delay_ms: 2,
    event_loop_utilization_percent: 15,
    in_flight: 3,
    verification_backlog: 1,
    sent: 10,
    late_sends: 0,
    late_total_ms: 0,
    ended: 10,
    latency_total_ms: 200,
    ...more,
  };
}

/** The content of machine_1_run.json. */
export function runFile(more: Partial<StressRunFile> = {}): string {
  return JSON.stringify({
    run_id: 'run-1',
    machine_id: 1,
    command_line: ['cloudp2p', 'stress'],
    version: '1.0.0',
    node_version: 'v20',
    host: 'lab1',
    cores: 8,
    seed: 7,
    started_at: T0,
    ended_at: T0 + 10_000,
    warmup_secs: 0,
    config: { num_clients: 10 },
    ...more,
  });
}

/** The event of a server that executed a task of Machine_1_Client_1. */
export function executed(at: number, serverId: number, requestId: number, outcome = 'answered'): object {
  const name = { client_name: 'Machine_1_Client_1', request_id: requestId, run_id: 'run-1' };
  return { time: T0 + at, server_id: serverId, event: 'executed', ...name, outcome, incarnation: 'i' };
}

/** A client's file, of the original implementation unless `more` says otherwise. */
export function clientFile(name: string, stats: object = {}, more: object = {}): string {
  const numbers = { total_requests: 10, successful_requests: 8, failed_requests: 2, failure_rate: 20 };
  const latencies = { latency_min_ms: 5, latency_max_ms: 95, latency_avg_ms: 50 };
  const percentiles = { latency_p50_ms: 40, latency_p95_ms: 90, latency_p99_ms: 94 };
  const counts = { server_distribution: { '1': 6, '2': 4 }, failure_reasons: { 'Connection refused': 2 } };
  const aggregated = { ...numbers, ...latencies, ...percentiles, ...counts, ...stats };
  return JSON.stringify({ client_name: name, test_duration_secs: 12.5, aggregated_stats: aggregated, ...more });
}

export function lines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** A folder that is removed after each test, and functions that write and read runs in it. */
export function useLab() {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-report-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const read = (runs?: RunChoice, folders: readonly string[] = ['metrics']): Inputs =>
    readInputs({
      collected: collectLocal(folders.map((name) => path.join(folder, name))),
      faults: { path: path.join(folder, 'fault_events.ndjson'), required: false },
      events: [{ path: folder, required: false }],
      runs,
    });
  return {
    get folder() {
      return folder;
    },
    write,
    remove: (name: string) => rmSync(path.join(folder, name)),
    read,
    requests: (records: readonly object[], name = 'metrics/machine_1_requests.ndjson') => write(name, lines(records)),
    /** Writes the end of the load, in ms into the run. */
    ended: (at: number) => write('metrics/machine_1_run.json', runFile({ ended_at: T0 + at, config: {} })),
    /** Adds the line `started` to each fault that has none. */
    faults: (events: readonly object[]) => write('fault_events.ndjson', lines(events.flatMap(withStart))),
    events: (serverId: number, events: readonly object[]) => write(`server_${serverId}_events.ndjson`, lines(events)),
    report: (options: Partial<BuildOptions> = {}, runs?: RunChoice): Report =>
      buildReport(read(runs), { thresholds: [], ...options }),
  };
}
