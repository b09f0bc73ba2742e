import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { FaultEvent, RequestRecord, ServerEvent } from '../../src/core/metrics/record';
import type { Random } from '../../src/core/environment';
import { seededRandom } from '../../src/core/random';

export interface ReportDataOptions {
  folder: string;
  machines: number;
  /** Records per machine. */
  records: number;
  /** Kills of servers in turn, each healed after 2 s, spread over the run. */
  faults: number;
}

const CLIENTS = 200;
const PER_SECOND = 1000;
const T0 = 1_761_904_800_000;
const IMAGES = ['small.png', 'medium.jpg', 'large.png', 'straße 7.jpg'];
const REASONS = ['Connection refused', 'Request timeout after 30s', 'No leader available'];
const SERVERS = [1, 2, 3];
/** Lines per machine; those of all machines are in memory at a time. */
const BATCH_LINES = 1024;

/**
 * Writes the records of `machines` in folders of their own, and beside them fault_events.ndjson and servers/ with two
 * events of three servers for each request: its assignment and its answer. Requests come at a fixed rate with lognormal
 * latencies, slower and with failures around the faults. Returns the number of bytes and event lines.
 */
export function writeReportData({ folder, machines, records, faults }: ReportDataOptions): Written {
  const spanMs = (records / PER_SECOND) * 1000;
  const faultTimes = Array.from({ length: faults }, (_, n) => T0 + (spanMs * (n + 1)) / (faults + 1));
  const random = seededRandom(1);
  const written: Written = { bytes: 0, events: 0 };
  const clients = Array.from({ length: machines }, (_, n) => openIn(folder, `client${n + 1}`, requestsOf(n + 1)));
  const servers = SERVERS.map((id) => openIn(folder, 'servers', `server_${id}_events.ndjson`));
  for (let first = 0; first < records; first += BATCH_LINES) {
    const length = Math.min(BATCH_LINES, records - first);
    const events: ServerEvent[] = [];
    clients.forEach((fd, n) => {
      const batch = Array.from({ length }, (_, at) => recordOf(first + at, runIdOf(n + 1), faultTimes, random));
      // Ordered by their end, as a run writes them.
      written.bytes += writeLines(
        fd,
        batch.sort((a, b) => endOf(a) - endOf(b)),
      );
      for (const record of batch) events.push(...eventsOf(record, n + 1));
    });
    events.sort((a, b) => a.time - b.time);
    written.events += events.length;
    servers.forEach((fd, n) => {
      const own = events.filter((event) => event.server_id === SERVERS[n]);
      written.bytes += writeLines(fd, own);
    });
  }
  for (const fd of [...clients, ...servers]) closeSync(fd);
  writeFileSync(path.join(folder, 'fault_events.ndjson'), faultTimes.flatMap(faultLines).join(''));
  return written;
}

export interface Written {
  /** Bytes of records and events. */
  bytes: number;
  /** Event lines. */
  events: number;
}

function openIn(folder: string, home: string, name: string): number {
  mkdirSync(path.join(folder, home), { recursive: true });
  return openSync(path.join(folder, home, name), 'w');
}

function requestsOf(machine: number): string {
  return `machine_${machine}_requests.ndjson`;
}

function runIdOf(machine: number): string {
  return `1e6f2a30-0000-4000-8000-${String(machine).padStart(12, '0')}`;
}

function writeLines(fd: number, lines: readonly object[]): number {
  return writeSync(fd, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function endOf({ start_time, latency_ms }: RequestRecord): number {
  return start_time + latency_ms;
}

/** The events of the leader and of the server that executed the request. */
function eventsOf(record: RequestRecord, machine: number): ServerEvent[] {
  const { start_time: startMs, assigned_server_id: serverId, client_id, request_id, term, run_id } = record;
  const name = { run_id, client_name: `Machine_${machine}_Client_${client_id}`, request_id };
  const leader = SERVERS[term % SERVERS.length]!;
  const assigned = { time: micros(startMs + 1), server_id: leader, event: 'assigned', term, to: serverId!, ...name };
  const outcome = record.success ? 'answered' : 'failed';
  const ended = { time: micros(endOf(record) - 1), server_id: serverId!, event: 'executed', ...name, outcome };
  return [assigned as ServerEvent, { ...ended, incarnation: `6f13f0575dd5e07${serverId}` } as ServerEvent];
}

function recordOf(at: number, runId: string, faultTimes: readonly number[], random: Random): RequestRecord {
  const startMs = T0 + ((at + random()) * 1000) / PER_SECOND;
  const isTroubled = faultTimes.some((time) => startMs > time - 20 && startMs < time + 300);
  const latencyMs = micros(Math.exp(3 + 0.7 * normal(random)) + (isTroubled ? 200 : 0));
  const success = random() > (isTroubled ? 0.05 : 0.001);
  return {
    client_id: 1 + (at % CLIENTS),
    request_id: 1 + Math.floor(at / CLIENTS),
    start_time: micros(startMs),
    latency_ms: latencyMs,
    service_ms: micros(latencyMs * (0.9 + 0.1 * random())),
    success,
    failure_reason: success ? null : REASONS[Math.floor(random() * REASONS.length)]!,
    assigned_server_id: 1 + Math.floor(random() * 3),
    retry_count: isTroubled ? 1 : 0,
    hedged: random() < 0.01,
    bytes_sent: 10_000 + Math.floor(random() * 100_000),
    bytes_received: 100_000 + Math.floor(random() * 1_000_000),
    image: IMAGES[Math.floor(random() * IMAGES.length)]!,
    term: 1 + faultTimes.filter((time) => time < startMs).length,
    outcome: success ? 'success' : 'failure',
    run_id: runId,
  } as RequestRecord;
}

function faultLines(time: number, index: number): string[] {
  const event = { cycle: 1, server_id: 1 + (index % 3), host: 'localhost', pid: 1, detail: null };
  const steps: Partial<FaultEvent>[] = [
    { time: time - 5, action: 'kill', outcome: 'started' },
    { time, action: 'kill', outcome: 'done' },
    { time: time + 2000, action: 'restart', outcome: 'done' },
  ];
  return steps.map((step) => `${JSON.stringify({ ...event, ...step })}\n`);
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
