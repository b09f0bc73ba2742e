import { mkdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../../src/core/errors';
import { readReport } from '../../src/report/read-report';
import { renderJson } from '../../src/report/render/json';
import { useLab } from './lab';
import { sampleReport } from './render/sample';

const lab = useLab();

/** The problem reported for a file with this content. */
function problemOf(content: string): string {
  const file = lab.write('final_report.json', content);
  try {
    readReport(file);
  } catch (error) {
    expect(error).toBeInstanceOf(ClusterError);
    const { code, message } = error as ClusterError;
    expect(code).toBe('bad_usage');
    expect(message.startsWith(`--compare: ${file}: `)).toBe(true);
    return message.slice(`--compare: ${file}: `.length);
  }
  return '';
}

test('a report is read from its file or its folder', () => {
  const report = sampleReport();
  const file = lab.write('run/final_report.json', renderJson(report));
  const read = readReport(file);
  expect(read.name).toBe(file);
  expect(read.report.blocks).toEqual(report.blocks);
  expect(readReport(path.join(lab.folder, 'run')).report).toEqual(read.report);
});

test('a report may lack records, faults and settings', () => {
  const { run: _, ...rest } = { ...sampleReport(), timeline: null, blocks: null, faults: null, loads: [] };
  expect(problemOf(JSON.stringify(rest))).toBe('');
});

test('a missing file, or something else in its place, is named', () => {
  const missing = path.join(lab.folder, 'none');
  expect(() => readReport(missing)).toThrow(`--compare: ${missing}: cannot be read: does not exist`);
  mkdirSync(path.join(lab.folder, 'empty'));
  const file = path.join(lab.folder, 'empty', 'final_report.json');
  expect(() => readReport(path.dirname(file))).toThrow(`--compare: ${file}: cannot be read: does not exist`);
  mkdirSync(file);
  expect(() => readReport(file.replace('final_report.json', ''))).toThrow(`${file}: cannot be read: is a folder`);
});

test('a file larger than any report is not read', () => {
  truncateSync(lab.write('final_report.json', ''), 3 * 1024 ** 3);
  expect(() => readReport(lab.folder)).toThrow('has 3221225472 bytes, more than the limit for a report (67108864)');
});

const NO_REPORT = 'is not a report: expected the final_report.json that `cloudp2p report` writes';
const OLDER = 'it is not a report, or one of an older version; create it again with `cloudp2p report`';

test.each([
  ['', 'is not valid JSON, or is truncated'],
  [renderJson(sampleReport()).slice(0, 5000), 'is not valid JSON, or is truncated'],
  ['null', NO_REPORT],
  ['7', NO_REPORT],
  ['"text"', NO_REPORT],
  ['[]', `has no timeline: ${OLDER}`],
  ['{}', `has no timeline: ${OLDER}`],
])('not a report: %#', (content, problem) => {
  expect(problemOf(content)).toBe(problem);
});

const PAIRS = 'pairs of bucket and count in ascending order, got';

/** A sample report with another value at a path. */
function withValue(at: readonly (string | number)[], value: unknown): string {
  const report = JSON.parse(renderJson(sampleReport())) as Record<string | number, unknown>;
  let place = report;
  for (const key of at.slice(0, -1)) place = place[key] as typeof report;
  place[at.at(-1)!] = value;
  return JSON.stringify(report).replace('"BIG"', '1e999');
}

test.each<[(string | number)[], unknown, string]>([
  [['timeline'], undefined, `has no timeline: ${OLDER}`],
  [['blocks'], undefined, `has no blocks: ${OLDER}`],
  [['loads'], undefined, `has no loads: ${OLDER}`],
  [['faults', 0, 'recovered'], undefined, `has no faults.0.recovered: ${OLDER}`],
  [['total_requests'], '12', 'total_requests: expected a whole number from 0, got "12"'],
  [['total_requests'], -1, 'total_requests: expected a whole number from 0, got -1'],
  [['total_requests'], 1.5, 'total_requests: expected a whole number from 0, got 1.5'],
  [['duration_secs'], 'BIG', 'duration_secs: expected a number from 0, got Infinity'],
  [['all_stats', 'p99_ms'], 'fast', 'all_stats.p99_ms: expected a number from 0, got "fast"'],
  [['timeline', 'window_ms'], 0, 'timeline.window_ms: expected a number from 1, got 0'],
  [['timeline', 'failed'], [1], 'timeline: expected lists of the same length, got Object'],
  [
    ['timeline', 'requests'],
    Array.from({ length: 5000 }, () => 1),
    'timeline.requests: expected at most 2000 items, got 5000',
  ],
  ...[[5, 1, 4, 1], [1e9, 1], [5], [5, -1], {}].map((value): [(string | number)[], unknown, string] => [
    ['blocks', 'whole', 1, 'operations', 2, 'histogram'],
    value,
    `blocks.whole.1.operations.2.histogram: expected ${PAIRS}`,
  ]),
  [['blocks', 'whole', 4], undefined, 'blocks.whole.4: expected a table, got null'],
  [['blocks', 'steady'], [], 'blocks.steady: expected 5 blocks, got 0'],
  [['blocks', 'unknown'], undefined, `has no blocks.unknown: ${OLDER}`],
  [['blocks', 'images'], ['a'], 'blocks: expected the operations of each block in the order of the images, got Object'],
  [
    ['server_distribution', '\u001b[2J'],
    5,
    'server_distribution.\\u001b[2J: expected the id of a server, got "\\u001b[2J"',
  ],
  [['generators', 0, 'why'], { text: '\u001b[2J' }, 'generators.0.why: expected a text, got Object'],
])('%j is wrong (%#)', (at, value, problem) => {
  const said = problemOf(withValue(at, value));
  if (problem.endsWith('got')) expect(said.startsWith(problem)).toBe(true);
  else expect(said).toBe(problem);
});
