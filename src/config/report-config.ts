import * as v from 'valibot';
import { list, path, section, table, text } from './fields';
import { defaultsOf, loadConfig } from './load';
import type { Problem } from './problem';
import { printable } from '../core/printable';
import { parsePlace } from '../core/ssh-target';

/** The schema of `report.toml`. */
export const reportFileSchema = table({
  report: section({
    output_dir: v.optional(path(), './aggregated_metrics'),
    client_machines: v.optional(list(path(), 'a list of folders'), ['./metrics']),
    server_machines: v.optional(list(path(), 'a list of folders or event files'), ['.']),
    faults_log: v.optional(path(), './fault_events.ndjson'),
    thresholds: v.optional(list(text(), 'a list of expressions such as "p99<800ms"'), []),
  }),
});

/** The resolved inputs and outputs of `report`. */
export interface ReportConfig {
  outputDir: string;
  /** Metrics folders on this machine or `user@host:/path`, as are the next two; at least one. */
  clientMachines: string[];
  /** Folders with event files, or event files. */
  serverMachines: string[];
  faultsLog: string;
  /** The thresholds, as written. */
  thresholds: string[];
}

/**
 * Reads the configuration of `report`; a missing file that is not required means all defaults.
 * @throws ClusterError `bad_config`
 */
export function loadReportConfig(filePath: string, { required }: { required: boolean }): ReportConfig {
  const settings = loadConfig(reportFileSchema, filePath, { required, check: reportProblems });
  const { report } = settings ?? defaultsOf(reportFileSchema);
  return {
    outputDir: report.output_dir,
    clientMachines: [...report.client_machines],
    serverMachines: [...report.server_machines],
    faultsLog: report.faults_log,
    thresholds: [...report.thresholds],
  };
}

function reportProblems({ report }: v.InferOutput<typeof reportFileSchema>): Problem[] {
  const lists = (['client_machines', 'server_machines'] as const).flatMap((key) =>
    report[key].flatMap((place, index) => problemOf(`report.${key}[${index}]`, place)),
  );
  const none = { key: 'report.client_machines', text: 'expected at least one folder, got an empty list' };
  return [
    ...outputProblem(report.output_dir),
    ...(report.client_machines.length === 0 ? [none] : []),
    ...lists,
    ...problemOf('report.faults_log', report.faults_log),
  ];
}

function problemOf(key: string, place: string): Problem[] {
  const parsed = parsePlace(place);
  return parsed !== null && 'problem' in parsed ? [{ key, text: parsed.problem }] : [];
}

/** The report can only be written on this machine. */
function outputProblem(place: string): Problem[] {
  if (parsePlace(place) === null) return [];
  return [{ key: 'report.output_dir', text: `expected a path on this machine, got "${printable(place, 200)}"` }];
}
