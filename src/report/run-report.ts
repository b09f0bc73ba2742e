/** Runs the `report` command: collects, reads, analyzes and writes. */
import path from 'node:path';
import type { ClockLook } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { SlowLimitSetting } from '../core/metrics/slow-limit';
import type { Threshold } from '../core/metrics/threshold';
import type { RuleResult } from '../core/rule-result';
import { checkTarget, type NamedFile, refuseOverwriting } from '../files/target';
import { buildReport } from './analyze/build';
import { wrongOf } from './analyze/verdict';
import { type Collected, findEventFiles, type Place } from './collect/collect';
import { gather, type Gathered, type RemoteOptions } from './collect/gather';
import type { Inputs } from './read/inputs';
import { counted } from '../core/counted';
import { printable } from '../core/printable';
import { parsePlace } from '../core/ssh-target';
import { readInputs } from './read/files/read';
import type { RunChoice } from './read/files/read-requests';
import type { InputFile, Report, RunMetadata } from './report';
import { formatOf, writeReports } from './write';

export interface RunReportOptions {
  /** The folders of the client machines: paths, or `user@host:/path` of other machines, like the next two. */
  metrics: readonly string[];
  faults: Place | null;
  events: readonly Place[];
  /** The output files, in the format of each extension. */
  outFiles: readonly string[];
  /** Other files that were read and must not be overwritten. */
  inputs?: readonly NamedFile[];
  runs: RunChoice;
  thresholds: readonly Threshold[];
  slowLimitMs?: SlowLimitSetting;
  /** Results of the caller's own checks, and facts about the run; both are included in the report. */
  rules?: readonly RuleResult[] | ((gathered: Gathered) => readonly RuleResult[]);
  run?: RunMetadata;
  /** Required if any place is on another machine. */
  remote?: RemoteOptions;
  /** The clocks of this machine now. */
  here?: ClockLook;
  /** Receives one line of output for people; not called with --json. */
  say(line: string): void;
}

const RULE = '='.repeat(44);

/**
 * @throws ClusterError `bad_usage` for files that cannot be written, `not_reachable` if there is nothing to report,
 * `interrupted`, and errors of `gather`
 */
export async function runReport(options: RunReportOptions): Promise<Report> {
  const { metrics, say, runs } = options;
  const outFiles = [...new Set(options.outFiles)];
  for (const file of outFiles) {
    formatOf(file);
    checkTarget(file);
  }
  const folders = [...new Set(outFiles.map((file) => path.dirname(file)))].map(shown).join(', ');
  const banner = [`Client Machines: ${metrics.length}`, `Output Directory: ${folders}`];
  for (const line of [RULE, 'CloudP2P Metrics Aggregation', RULE, ...banner, RULE, '']) say(line);
  const gathered = await collect(options);
  const { collected, faults, events, machines, ...known } = gathered;
  refuseOverwriting(outFiles, [...(options.inputs ?? []), ...filesOf(gathered)]);
  for (const line of ['', 'Step 2: Aggregating metrics...', '']) say(line);
  say(`Loading metrics from: ${foldersOf(collected, options.remote).map(shown).join(', ')}`);
  const areFaultsLost = options.faults !== null && faults === null;
  const inputs = readInputs({ collected, faults, areFaultsLost, events, known, runs, machines });
  if (!hasAnything(inputs)) throw nothing(inputs);
  say(`Loaded ${inputs.clientFileCount} client metrics files`);
  say('Aggregating metrics...');
  const { thresholds, slowLimitMs, run } = options;
  const rules = typeof options.rules === 'function' ? options.rules(gathered) : options.rules;
  const report = buildReport(inputs, { thresholds, slowLimitMs, rules, run });
  await writeReports(report, outFiles);
  for (const file of outFiles) say(`✓ Saved ${formatOf(file).name} report: ${shown(file)}`);
  for (const line of ['', RULE, 'Metrics Aggregation Complete!', RULE, ...remarks(report)]) say(line);
  return report;
}

async function collect(options: RunReportOptions): Promise<Gathered> {
  const { remote, say } = options;
  say('Step 1: Collecting metrics from client machines...');
  say('');
  const gathered = await gather(options).catch((error: unknown) => {
    if (!(error instanceof ClusterError) || error.code !== 'interrupted' || remote === undefined) throw error;
    const where = `fetched files stay in ${shown(remote.into)}; the same command resumes there`;
    throw new ClusterError('interrupted', `interrupted: ${where}`);
  });
  if (gathered.collected.some(isGood)) return gathered;
  throw nothing({ missing: gathered.collected.map(({ source, problem }) => `${source}: ${problem}`), files: [] });
}

/** Returns the files that are about to be read. */
function filesOf({ collected, faults, events }: Gathered): NamedFile[] {
  const metrics = collected.flatMap(({ recordFiles, clientFiles, generatorFiles, runFiles }) => [
    ...[...recordFiles, ...clientFiles, ...generatorFiles, ...runFiles],
  ]);
  const others = findEventFiles(events).files.map(({ path: file }) => file);
  const files = [...metrics, ...others, ...(faults === null ? [] : [faults.path])];
  return files.map((file) => ({ path: file, name: `an input of this report (${shown(file)})` }));
}

/** Returns the folders that files are read from: local ones in place, all others below one folder. */
function foldersOf(collected: readonly Collected[], remote: RemoteOptions | undefined): string[] {
  const places = collected.filter(isGood).map(({ source }) => (parsePlace(source) === null ? source : remote!.into));
  return [...new Set(places)];
}

function isGood({ problem }: Collected): boolean {
  return problem === null;
}

function hasAnything({ records, clients }: Inputs): boolean {
  return clients.length > 0 || records.some((run) => run.columns.count + run.interrupted + run.unsent > 0);
}

function nothing({ missing, files }: Pick<Inputs, 'missing' | 'files'>): ClusterError {
  const all = [...missing.slice(0, 3), ...refusedText(files)];
  const why = all.length === 0 ? 'no file has any request' : all.join('; ');
  return new ClusterError('not_reachable', `there is nothing to report: ${printable(why, 2000)}`);
}

/** Names the first of the lines that were refused, and the reason. */
function refusedText(files: readonly InputFile[]): string[] {
  const count = files.reduce((sum, { badLines }) => sum + badLines, 0);
  for (const { path: file, problems } of files) {
    const [, line, reason] = problems.map((text) => /^line (\d+): (.*)$/s.exec(text)).find((found) => found) ?? [];
    const head = `${counted(count, 'line')} ${count === 1 ? 'was' : 'were'} refused, the first is`;
    if (line !== undefined) return [`${head} line ${line} of ${file}: ${reason}`];
    // A file that is one value, like that of a client.
    if (problems.length > 0 && count > 0) return [`${head} ${file}: ${problems[0]}`];
  }
  return [];
}

/** Returns the lines that explain the exit code, after the guide's lines. */
function remarks(report: Report): string[] {
  const { thresholds, inputs, verdict } = report;
  const wrong = wrongOf(report).map((text) => `Wrong: ${printable(text, 2000)}`);
  const invalid = verdict.kind === 'invalid' ? [printable(verdict.text, 2000)] : [];
  const unknown = verdict.not_verified.map((text) => `Not verified: ${printable(text, 2000)}`);
  const crossed = thresholds
    .filter(({ passed }) => !passed)
    .map(({ expression, value }) => {
      return `Threshold crossed: ${expression} (${value === null ? 'unknown' : Number(value.toFixed(3))})`;
    });
  const missing = inputs.missing.slice(0, 10).map((text) => `Incomplete: ${printable(text, 2000)}`);
  return [...wrong, ...crossed, ...invalid, ...unknown, ...missing];
}

function shown(file: string): string {
  return printable(file, 4096);
}
