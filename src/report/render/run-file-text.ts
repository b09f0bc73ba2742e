/** Names the run files that are not there, and the figures that are unknown without them. */
import { machineOfFile, runFileName } from '../../core/metrics/run-file-names';
import { printable } from '../../core/printable';
import type { Report } from '../report';

/** Returns one sentence for each part of a run that has records but no run file. */
export function missingRunFiles({ runs, loads }: Pick<Report, 'runs' | 'loads'>): string[] {
  const missing = runs.filter(({ run_id: id, file, taken }) => {
    return taken && !loads.some((load) => load.run_id === id && load.machine_id === machineOfFile(file));
  });
  const texts = missing.map(({ run_id: id, file }) => {
    return (
      `No ${runFileName(machineOfFile(file))} of run ${printable(id)}: its plan, loop, warm-up, request timeout and end are ` +
      'unknown, and with them goodput, latencies of failures, and whether requests are missing at the end.'
    );
  });
  return [...new Set(texts)];
}
