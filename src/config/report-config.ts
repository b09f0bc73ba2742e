/** The configuration of `report`: its inputs, outputs and thresholds, from report.toml and flags. */
import { printable } from '../core/printable';
import { parsePlace } from '../core/ssh-target';
import type { SlowLimitSetting } from '../core/metrics/slow-limit';
import type { Threshold } from '../core/metrics/threshold';
import * as common from './common-settings';
import { configFile, readConfig } from './config-file';
import { merge } from './merge';
import { badSettings, type Problem } from './problem';
import { type FlagsOf, setting, type ValuesOf } from './settings';
import { thresholdsOf } from './thresholds';
import { list, path } from './value-types';

/** The table [report] of report.toml. */
export const reportSettings = {
  output_dir: setting(path('DIR'), {
    default: './aggregated_metrics',
    help: 'folder for final_report.json, .txt and .html',
  }),
  client_machines: setting(list(path('DIR'), 'a list of folders'), {
    flag: 'metrics',
    default: ['./metrics'],
    help: 'metrics folder, or user@host:DIR of another machine',
  }),
  server_machines: setting(list(path('FILE'), 'a list of folders or event files'), {
    flag: 'events',
    default: ['.'],
    help: 'event file of a server, or a folder of them, also user@host:DIR',
  }),
  faults_log: setting(path('FILE'), {
    flag: 'faults',
    default: './fault_events.ndjson',
    help: 'event file of `faults`, also user@host:FILE',
  }),
  thresholds: common.thresholds,
  slow_limit_ms: common.slowLimit,
};

export const reportFile = configFile(
  {
    path: 'config/report.toml',
    purpose: 'the inputs and outputs of `cloudp2p report`',
    tables: { report: reportSettings },
  },
  ({ report }) => fileProblems(report),
);

type ReportSettings = ValuesOf<typeof reportSettings>;

/** The flags of `cloudp2p report` that have a key in the file, as typed. */
export type ReportFlags = FlagsOf<typeof reportSettings> & { config?: string };

/** A path that was typed must exist; those of the file and the defaults may be missing. */
interface ReportPlace {
  path: string;
  required: boolean;
}

/** The resolved inputs and outputs of `report`. */
export interface ReportConfig {
  /** The configuration file. */
  file: string;
  outputDir: string;
  /** Metrics folders, at least one; like the next two, on this machine or `user@host:/path`. */
  metrics: readonly string[];
  /** Folders with event files, or event files. */
  events: ReportPlace[];
  faults: ReportPlace;
  thresholds: Threshold[];
  /** Undefined: from the successes before the first fault. */
  slowLimitMs?: SlowLimitSetting;
}

/**
 * Reads the configuration of `report` from the named file, which must exist, or from config/report.toml if it exists;
 * flags override it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function reportConfigOf(flags: ReportFlags = {}): ReportConfig {
  const { path: file, values } = readConfig(reportFile, flags.config);
  const merged = merge(reportSettings, values.report, flags, { file, table: 'report' });
  const { values: report, isTyped, nameOf } = merged;
  const problems = placeProblems(report, nameOf);
  if (problems.length > 0) throw badSettings(problems);
  const place = (key: 'server_machines' | 'faults_log') => (each: string) => ({ path: each, required: isTyped(key) });
  return {
    file,
    outputDir: report.output_dir,
    metrics: report.client_machines,
    events: report.server_machines.map(place('server_machines')),
    faults: place('faults_log')(report.faults_log),
    thresholds: thresholdsOf(merged, 'thresholds'),
    slowLimitMs: report.slow_limit_ms,
  };
}

function fileProblems(report: ReportSettings): Problem[] {
  const none = { key: 'report.client_machines', text: 'expected at least one folder, got an empty list' };
  return [
    ...outputProblem(report.output_dir),
    ...(report.client_machines.length === 0 ? [none] : []),
    ...placeProblems(report, (key) => `report.${key}`),
  ];
}

function placeProblems(report: ReportSettings, nameOf: (key: keyof ReportSettings) => string): Problem[] {
  const lists = (['client_machines', 'server_machines'] as const).flatMap((key) =>
    report[key].flatMap((place, index) => {
      const name = nameOf(key);
      return problemOf(name.startsWith('--') ? name : `${name}[${index}]`, place);
    }),
  );
  return [...lists, ...problemOf(nameOf('faults_log'), report.faults_log)];
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
