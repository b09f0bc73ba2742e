import path from 'node:path';
import { ClusterError } from '../core/errors';
import type { Threshold } from '../core/metrics/threshold';
import { buildReport } from './build';
import { type Collected, collectLocal, type Place } from './collect';
import type { Inputs } from './inputs';
import { printable } from '../core/printable';
import { readInputs } from './read';
import type { RunChoice } from './read-requests';
import type { Report, RuleResult, RunFacts } from './report';
import { formatOf, writeReports } from './write';

export interface RunReportOptions {
  /** The folders of the client machines. */
  metrics: readonly string[];
  faults: Place | null;
  events: readonly Place[];
  /** Where the report goes, in the format of each extension. */
  outFiles: readonly string[];
  runs: RunChoice;
  thresholds: readonly Threshold[];
  /** What the caller's own checks say, and facts about the run; they stand in the report. */
  rules?: readonly RuleResult[];
  run?: RunFacts;
  /** What a person reads, one line; nothing of it with --json. */
  say(line: string): void;
}

const RULE = '='.repeat(44);

/**
 * The `report` command: collects, reads, builds, writes.
 * @throws ClusterError `bad_usage` for files that cannot be written, `not_reachable` if there is nothing to report
 */
export function runReport(options: RunReportOptions): Report {
  const { metrics, say, runs } = options;
  const outFiles = [...new Set(options.outFiles)];
  for (const file of outFiles) formatOf(file);
  const folders = [...new Set(outFiles.map((file) => path.dirname(file)))].map(shown).join(', ');
  const banner = [`Client Machines: ${metrics.length}`, `Output Directory: ${folders}`];
  for (const line of [RULE, 'CloudP2P Metrics Aggregation', RULE, ...banner, RULE, '']) say(line);
  const collected = collect(metrics, say);
  for (const line of ['', 'Step 2: Aggregating metrics...', '']) say(line);
  say(
    `Loading metrics from: ${collected
      .filter(isGood)
      .map(({ source }) => shown(source))
      .join(', ')}`,
  );
  const inputs = readInputs({ collected, faults: options.faults, events: options.events, runs });
  if (!hasAnything(inputs)) throw nothing(inputs);
  say(`Loaded ${inputs.clientFileCount} client metrics files`);
  say('Aggregating metrics...');
  const { thresholds, rules, run } = options;
  const report = buildReport(inputs, { thresholds, rules, run });
  writeReports(report, outFiles);
  for (const file of outFiles) say(`✓ Saved ${formatOf(file).name} report: ${shown(file)}`);
  for (const line of ['', RULE, 'Metrics Aggregation Complete!', RULE, ...remarks(report)]) say(line);
  return report;
}

function collect(metrics: readonly string[], say: (line: string) => void): Collected[] {
  say('Step 1: Collecting metrics from client machines...');
  say('');
  const collected = collectLocal(metrics);
  collected.forEach(({ source, problem }, index) => {
    say(`[${index + 1}/${metrics.length}] Collecting from: ${shown(source)}`);
    if (problem === null) say(`  ✓ Successfully collected metrics from machine ${index + 1}`);
    else say(`  ✗ Failed to collect metrics from machine ${index + 1}: ${problem}`);
  });
  if (!collected.some(isGood))
    throw nothing({ missing: collected.map(({ source, problem }) => `${source}: ${problem}`) });
  return collected;
}

function isGood({ problem }: Collected): boolean {
  return problem === null;
}

function hasAnything({ records, clients }: Inputs): boolean {
  return clients.length > 0 || records.some((run) => run.columns.count + run.interrupted + run.unsent > 0);
}

function nothing({ missing }: Pick<Inputs, 'missing'>): ClusterError {
  const why = missing.length === 0 ? 'no file holds a request that counts' : missing.slice(0, 3).join('; ');
  return new ClusterError('not_reachable', `there is nothing to report: ${printable(why, 500)}`);
}

/** What decides the exit code, after the guide's lines. */
function remarks({ thresholds, inputs }: Report): string[] {
  const crossed = thresholds
    .filter(({ passed }) => !passed)
    .map(({ expression, value }) => {
      return `Threshold crossed: ${expression} (${value === null ? 'unknown' : `it is ${Number(value.toFixed(3))}`})`;
    });
  const missing = inputs.missing.slice(0, 10).map((text) => `Incomplete: ${printable(text, 500)}`);
  return [...crossed, ...missing];
}

function shown(file: string): string {
  return printable(file, 4096);
}
