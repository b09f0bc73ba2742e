import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { type ReportDataOptions, writeReportData } from './report-data';

const SIZES = { machines: 10, records: 1_000_000, faults: 9 };
/** Prints, besides the output of a process, its elapsed and CPU seconds and its peak memory. */
const TIME = ['/usr/bin/time', '-f', '%e %U %S %M'];

/** Measures `report` over ten million requests and the servers' events, just written and so still in memory. */
export function run([program, ...args]: string[], sizes: Omit<ReportDataOptions, 'folder'> = SIZES): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
  try {
    const { bytes, events } = writeReportData({ folder, ...sizes });
    const machines = Array.from({ length: sizes.machines }, (_, n) => ['--metrics', `client${n + 1}`]).flat();
    const report = ['report', ...machines, '--faults', 'fault_events.ndjson', '--events', 'servers'];
    const command = [...TIME, '-o', 'taken', program!, ...args, ...report];
    execFileSync(command[0]!, command.slice(1), { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    const [elapsed, user, system, kib] = readFileSync(path.join(folder, 'taken'), 'utf8').trim().split(' ').map(Number);
    const made = readFileSync(path.join(folder, 'aggregated_metrics', 'final_report.json'), 'utf8');
    const { total_requests: total } = JSON.parse(made) as Report;
    console.log(`report of ${total} requests and ${events} events, ${sizes.machines} machines, ${sizes.faults} faults`);
    console.log(
      `  ${elapsed!.toFixed(1)} s (CPU ${(user! + system!).toFixed(1)} s), ${(bytes / 1e6 / elapsed!).toFixed(0)} MB/s, ` +
        `${(kib! / 1024).toFixed(0)} MB at most`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
