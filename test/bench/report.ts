import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { type ReportDataOptions, writeReportData } from './report-data';

const SIZES = { machines: 10, records: 1_000_000, faults: 9 };
/** Prints, besides the output of a process, its elapsed and CPU seconds and its peak memory. */
const TIME = ['/usr/bin/time', '-f', '%e %U %S %M'];

/**
 * Measures `report` over ten million requests and the servers' events, just written and so still in memory: once with
 * each of the programs, in this order, over the same files.
 */
export function run(programs: readonly string[], sizes: Omit<ReportDataOptions, 'folder'> = SIZES): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
  try {
    const { bytes, events } = writeReportData({ folder, ...sizes });
    for (const program of programs) {
      const { total, elapsedSecs, cpuSecs, mebibytes } = measure(program, folder, sizes.machines);
      console.log(
        `report of ${total} requests and ${events} events, ${sizes.machines} machines, ${sizes.faults} faults` +
          (programs.length > 1 ? ` by ${program}` : ''),
      );
      const speed = `${(bytes / 1e6 / elapsedSecs).toFixed(0)} MB/s, ${mebibytes.toFixed(0)} MB at most`;
      console.log(`  ${elapsedSecs.toFixed(1)} s (CPU ${cpuSecs.toFixed(1)} s), ${speed}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(program: string, folder: string, machineCount: number) {
  const machines = Array.from({ length: machineCount }, (_, n) => ['--metrics', `client${n + 1}`]).flat();
  const report = ['report', ...machines, '--faults', 'fault_events.ndjson', '--events', 'servers'];
  const [command, ...rest] = [...TIME, '-o', 'taken', program, ...report];
  execFileSync(command!, rest, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const taken = readFileSync(path.join(folder, 'taken'), 'utf8').trim().split(' ').map(Number);
  const [elapsedSecs, user, system, kib] = taken as [number, number, number, number];
  const made = readFileSync(path.join(folder, 'aggregated_metrics', 'final_report.json'), 'utf8');
  const { total_requests: total } = JSON.parse(made) as Report;
  return { total, elapsedSecs, cpuSecs: user + system, mebibytes: kib / 1024 };
}
