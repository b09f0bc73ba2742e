/**
 * Record files that an earlier build wrote are still read: every line of the golden files beside this one is
 * understood, and what was counted in the raw lines (make.mjs) is what is counted here.
 */
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClusterError } from '../../../src/core/errors';
import { collectLocal } from '../../../src/report/collect/collect';
import type { Inputs } from '../../../src/report/read/inputs';
import { readInputs } from '../../../src/report/read/files/read';
import { readReport } from '../../../src/report/read-report';
import { runReport } from '../../../src/report/run-report';

const NAMES = ['closed', 'open', 'overload', 'interrupted', 'killed', 'refused', 'run'];

/** The counts of the raw lines. */
interface Expected {
  files: string[];
  /** By file; a file of one JSON object counts as one line. */
  lines: Record<string, number>;
  records: number;
  outcomes: Record<string, number>;
  successes: number;
  failures: number;
  failure_reasons: Record<string, number>;
  executions: number;
}

const folderOf = (name: string): string => path.join(__dirname, name);
const isFaultFile = (name: string): boolean => name === 'fault_events.ndjson';

/** The places of a golden run's files, all of them required. */
function placesIn(folder: string, { files }: Expected) {
  const faults = files.some(isFaultFile) ? { path: path.join(folder, 'fault_events.ndjson'), required: true } : null;
  return { metrics: [path.join(folder, 'metrics')], faults, events: [{ path: folder, required: true }] };
}

function expectedOf(folder: string): Expected {
  return JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8')) as Expected;
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name !== 'expected.json' && statSync(path.join(folder, name)).isFile()).sort();
}

/** Reads a folder as `report` does; returns the counts of expected.json, and the lines that are not understood. */
function readFrom(folder: string, expected: Expected): Expected & { problems: string[] } {
  const { metrics, faults, events } = placesIn(folder, expected);
  const inputs = readInputs({ collected: collectLocal(metrics), faults, events, runs: { take: 'all' } });
  return {
    files: filesIn(folder),
    lines: Object.fromEntries(inputs.files.map(({ path: file, lines }) => [path.relative(folder, file), lines])),
    ...countsOf(inputs),
    problems: inputs.files.flatMap(({ path: file, problems }) => problems.map((problem) => `${file}: ${problem}`)),
  };
}

function countsOf({ records, executions }: Inputs): Omit<Expected, 'files' | 'lines'> {
  const counts = { success: 0, failure: 0, interrupted: 0, unsent: 0 };
  const reasons: Record<string, number> = {};
  for (const run of records) {
    const failed = [...run.reasons.values()].reduce((sum, count) => sum + count, 0);
    counts.success += run.columns.count - failed - run.interrupted - run.unsent;
    counts.failure += failed;
    counts.interrupted += run.interrupted;
    counts.unsent += run.unsent;
    for (const [reason, count] of run.reasons) reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  return {
    records: Object.values(counts).reduce((sum, count) => sum + count, 0),
    outcomes: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    successes: counts.success,
    failures: counts.failure,
    failure_reasons: reasons,
    executions,
  };
}

let scratch = '';
beforeEach(() => (scratch = mkdtempSync(path.join(tmpdir(), 'cloudp2p-golden-'))));
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test('every folder is tested', () => {
  const folders = readdirSync(__dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual([...NAMES].sort());
});

test('the runs show every outcome', () => {
  const seen = new Set(NAMES.flatMap((name) => Object.keys(expectedOf(folderOf(name)).outcomes)));
  expect([...seen].sort()).toEqual(['failure', 'interrupted', 'success', 'unsent']);
});

describe.each(NAMES)('%s', (name) => {
  const folder = folderOf(name);
  const expected = expectedOf(folder);

  test('every line is understood, and the counts are those of the raw lines', () => {
    expect(readFrom(folder, expected)).toEqual({ ...expected, problems: [] });
  });

  test('a report is written', async () => {
    const outFiles = ['json', 'txt', 'html', 'xml', 'csv'].map((format) => path.join(scratch, `report.${format}`));
    const places = placesIn(folder, expected);
    const report = await runReport({ ...places, runs: { take: 'newest' }, thresholds: [], outFiles, say: () => {} });
    expect(report.inputs.files.filter(({ badLines }) => badLines > 0)).toEqual([]);
    expect(report.successful_requests).toBe(expected.successes);
    expect(filesIn(scratch)).toHaveLength(outFiles.length);
  });

  test('its old report is compared, or refused with what to do', () => {
    try {
      expect(readReport(folder).report.total_requests).toBe(expected.successes + expected.failures);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      expect(error.message).toMatch(/one of an older version; create it again with `cloudp2p report`$/);
    }
  });

  test('a damaged line of any file is noticed, and a missing file', () => {
    const files = Object.keys(expected.lines);
    cpSync(folder, scratch, { recursive: true });
    for (const file of files) appendFileSync(path.join(scratch, file), '{"damaged":\n');
    expect(readFrom(scratch, expected).problems).toHaveLength(files.length);
    for (const file of files.slice(1)) rmSync(path.join(scratch, file));
    expect(readFrom(scratch, expected)).toMatchObject({ files: expect.not.arrayContaining(files.slice(1)) });
  });
});
