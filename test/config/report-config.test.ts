import path from 'node:path';
import { type ReportConfig, reportConfigOf } from '../../src/config/report-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string) => reportConfigOf({ config: temp.file('r.toml', toml) });
const linesOf = (toml: string) => configErrorLines(() => load(toml)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  outputDir: './aggregated_metrics',
  metrics: ['./metrics'],
  events: [{ path: '.', required: false }],
  faults: { path: './fault_events.ndjson', required: false },
  thresholds: [],
};

test('may be missing or say nothing, and the shipped file says the defaults', () => {
  const withoutFile = ({ file: _, ...rest }: ReportConfig) => rest;
  expect(withoutFile(reportConfigOf())).toEqual(DEFAULTS);
  expect(withoutFile(load('[report]'))).toEqual(DEFAULTS);
  const shipped = path.join(__dirname, '../../config/report.toml');
  expect(withoutFile(reportConfigOf({ config: shipped }))).toEqual(DEFAULTS);
});

test('sets all places', () => {
  const toml =
    '[report]\noutput_dir = "o"\nclient_machines = ["a", "b"]\nserver_machines = []\nfaults_log = "f"\nthresholds = ["p99<1s"]';
  expect(load(toml)).toMatchObject({
    outputDir: 'o',
    metrics: ['a', 'b'],
    events: [],
    faults: { path: 'f', required: false },
    thresholds: [{ expression: 'p99<1s' }],
  });
});

test('places on other machines', () => {
  const toml =
    '[report]\nclient_machines = ["./metrics", "user@client1:/m"]\nfaults_log = "ctl:/x/fault_events.ndjson"';
  expect(load(toml)).toMatchObject({
    metrics: ['./metrics', 'user@client1:/m'],
    faults: { path: 'ctl:/x/fault_events.ndjson' },
  });
  const bad = 'client_machines = ["user@-oProxyCommand=x:/m"]\nserver_machines = ["u@h:22"]\noutput_dir = "u@h:/x"';
  expect(linesOf(`[report]\n${bad}`)).toEqual([
    'r.toml: report.output_dir: expected a path on this machine, got "u@h:/x"',
    'r.toml: report.client_machines[0]: expected a path, or [user@]host[:port]:/path on another machine, ' +
      'got "user@-oProxyCommand=x:/m"',
    'r.toml: report.server_machines[0]: expected a path, or [user@]host[:port]:/path on another machine, got "u@h:22"',
  ]);
});

test('all errors of a file are named', () => {
  expect(linesOf('[report]\nclient_machines = []')).toEqual([
    'r.toml: report.client_machines: expected at least one folder, got an empty list',
  ]);
  expect(linesOf('[report]\noutput_dir = 5\nfaults = "x"')).toEqual([
    'r.toml: report.faults: unknown key, did you mean "report.faults_log"?',
    'r.toml: report.output_dir: expected a path, got 5',
  ]);
});

test('flags override the file, and what they name must exist', () => {
  const config = temp.file(
    'r.toml',
    '[report]\nclient_machines = ["a"]\nserver_machines = ["b"]\nthresholds = ["p99<1s"]',
  );
  expect(reportConfigOf({ config, metrics: ['m'], events: ['e'], faults: 'f', threshold: ['max<1s'] })).toMatchObject({
    metrics: ['m'],
    events: [{ path: 'e', required: true }],
    faults: { path: 'f', required: true },
    thresholds: [{ expression: 'max<1s' }],
  });
});

test.each([
  [{ metrics: ['a', 'u@h:22'] }, /^--metrics: expected a path, or .*, got "u@h:22"$/],
  [{ faults: 'u@h:22' }, /^--faults: expected a path, or .*, got "u@h:22"$/],
  [{ events: [''] }, /^--events: expected a path, got ""$/],
  [{ threshold: ['p99'] }, /^--threshold: expected a metric/],
])('%j', (flags, message) => {
  expect(configErrorLines(() => reportConfigOf(flags))).toEqual([expect.stringMatching(message)]);
});

describe('slow_limit_ms', () => {
  const typed = (...limits: string[]) => reportConfigOf({ 'slow-limit': limits }).slowLimitMs;
  const set = (toml: string) => load(`[report]\nslow_limit_ms = ${toml}`).slowLimitMs;

  test('is one limit, or a table by image', () => {
    expect(set('60')).toBe(60);
    expect(set('{ "large.png" = 900, "*" = 60.5 }')).toEqual({ 'large.png': 900, '*': 60.5 });
    expect(typed('60')).toEqual({ '*': 60 });
    expect(typed('large.png=900', 'a=b=30', '60')).toEqual({ 'large.png': 900, 'a=b': 30, '*': 60 });
  });

  test.each(['0', '-5', '"60"', '[60]', 'true', '{}', '{ "a.png" = "x" }'])('refuses %s', (toml) => {
    const [line] = linesOf(`[report]\nslow_limit_ms = ${toml}`);
    expect(line).toMatch(/^r\.toml: report\.slow_limit_ms: expected a number of milliseconds from 0\.001 to 604800000/);
  });

  test.each(['0', 'x', 'a.png=', '=60', 'a.png=1e3'])('refuses --slow-limit %s', (limit) => {
    const expected = 'expected [IMAGE=]MS with a number of milliseconds from 0.001 to 604800000';
    expect(() => typed(limit)).toThrow(`--slow-limit: ${expected}, got "${limit}"`);
  });
});
