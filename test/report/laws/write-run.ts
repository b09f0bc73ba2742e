/** Writes a random run as the files of a real one, and reads it back through the whole of `report`. */
import { isNeverSent } from '../../../src/core/metrics/failure-reasons';
import { existsSync, mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClusterError } from '../../../src/core/errors';
import type { GeneratorSample, RequestRecord } from '../../../src/core/metrics/record';
import {
  clientFileName,
  clientName,
  generatorFileName,
  requestsFileName,
  runFileName,
} from '../../../src/core/metrics/run-file-names';
import { Summary } from '../../../src/core/metrics/summary';
import type { Report } from '../../../src/report/report';
import { runReport } from '../../../src/report/run-report';
import { generated, T0 } from '../lab';
import { type Machine, type Run, RUN_ID, type Slips } from './run-model';
import { thresholdsAt } from './thresholds';

/** Texts by path below the run's folder. */
export type Files = ReadonlyMap<string, string>;

const SAMPLE_MS = 1000;
/** Files in memory are written in a tenth of the time. */
const MEMORY = '/dev/shm';
const lines = new WeakMap<object, string>();

/** Returns the line of a record or event; each is written once, and never changed. */
export function lineOf(value: object): string {
  let line = lines.get(value);
  if (line === undefined) lines.set(value, (line = `${JSON.stringify(value)}\n`));
  return line;
}

export function folderOf(machineId: number): string {
  return `client${machineId}`;
}

/** Returns the files of a run: what each part of it would write. */
export function filesOf({ machines, servers, faults }: Run): Map<string, string> {
  const files = new Map<string, string>();
  for (const machine of machines) {
    const { id, records, runFile, clientIds } = machine;
    const put = (name: string, text: string) => files.set(`${folderOf(id)}/${name}`, text);
    put(requestsFileName(id), textOf(records));
    put(generatorFileName(id), textOf(samplesOf(machine)));
    put(runFileName(id), JSON.stringify(runFile));
    for (const clientId of clientIds) put(clientFileName(id, clientId), clientFileOf(machine, clientId));
  }
  for (const { id, events } of servers) files.set(`server_${id}_events.ndjson`, textOf(events));
  files.set('fault_events.ndjson', textOf(faults));
  return files;
}

function textOf(values: readonly object[]): string {
  return values.map(lineOf).join('');
}

/** Returns a client's own file, with the sums over its records, also those of the warm-up. */
function clientFileOf({ id, records, runFile }: Machine, clientId: number): string {
  const summary = new Summary();
  for (const record of records) if (record.client_id === clientId) summary.add(record);
  return JSON.stringify({
    client_name: clientName(id, clientId),
    machine_id: id,
    client_id: clientId,
    run_id: RUN_ID,
    started_at: runFile.started_at,
    test_duration_secs: Math.round(runFile.ended_at! - runFile.started_at) / 1000,
    interrupted: false,
    aggregated_stats: summary.stats(),
    latency_digest: summary.centroids(),
  });
}

/** Returns the samples of a generator, one per second, which agree with the records. */
function samplesOf({ records, runFile, isBusy, slips }: Machine): GeneratorSample[] {
  const count = Math.ceil((runFile.ended_at! - T0) / SAMPLE_MS);
  const all = Array.from({ length: count }, (_, at) =>
    sampleOf((at + 1) * SAMPLE_MS, isBusy && at > 1 && at < 9, slips),
  );
  const at = (time: number): GeneratorSample =>
    all[Math.min(count - 1, Math.max(0, Math.floor((time - T0) / SAMPLE_MS)))]!;
  for (const record of records) {
    const { start_time: due, latency_ms: latencyMs, service_ms: serviceMs, outcome } = record;
    const wasSent = outcome !== 'unsent' && !isNeverSent(record.failure_reason ?? '');
    if (wasSent) at(due + latencyMs - serviceMs).sent += 1;
    if (outcome !== 'success' && outcome !== 'failure') continue;
    const last = at(due + latencyMs);
    last.ended += 1;
    last.latency_total_ms += latencyMs;
  }
  return all;
}

function sampleOf(atMs: number, isBusy: boolean, slips: Slips | null): GeneratorSample {
  const late = slips && { event_loop_delay_ms: slips.stallMs, late_sends: 3, late_total_ms: 3 * slips.lateMs };
  const busy = isBusy ? { event_loop_delay_ms: 150, event_loop_utilization_percent: 97, late_sends: 3 } : {};
  return generated(atMs, { run_id: RUN_ID, sent: 0, ended: 0, latency_total_ms: 0, ...late, ...busy });
}

/** A folder that holds one run at a time; only files that differ from the last run are written. */
export class RunFolder {
  readonly path = mkdtempSync(path.join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'cloudp2p-laws-'));
  private written = new Map<string, string>();

  write(files: Files): void {
    for (const [name, text] of files) {
      if (this.written.get(name) === text) continue;
      const file = path.join(this.path, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    for (const name of this.written.keys()) if (!files.has(name)) unlinkSync(path.join(this.path, name));
    this.written = new Map(files);
  }

  /** Returns the report of these files; null if there is nothing to report. */
  async report(files: Files, run: Pick<Run, 'machines' | 'limits' | 'slowLimitMs'>): Promise<Report | null> {
    this.write(files);
    try {
      return await runReport({
        metrics: run.machines.map(({ id }) => path.join(this.path, folderOf(id))),
        faults: { path: path.join(this.path, 'fault_events.ndjson'), required: false },
        events: [{ path: this.path, required: false }],
        outFiles: [],
        runs: { take: 'newest' },
        thresholds: thresholdsAt(run.limits),
        slowLimitMs: run.slowLimitMs,
        say: () => undefined,
      });
    } catch (error) {
      if (error instanceof ClusterError && error.code === 'not_reachable') return null;
      throw error;
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Returns the report of a run as it was recorded. */
export function reportOf(run: Run, folder: RunFolder): Promise<Report | null> {
  return folder.report(filesOf(run), run);
}

/** Returns a record's end in Unix milliseconds. */
export function endOf({ start_time, latency_ms }: RequestRecord): number {
  return start_time + latency_ms;
}
