import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Report } from '../../src/commands/report';
import { exitCodeOf } from '../../src/core/errors';
import { executed, request, useLab } from '../report/lab';

const lab = useLab();
/** A request, and the execution of it. */
function proven(): void {
  lab.requests([request(1, 0)]);
  lab.events(1, [executed(5, 1, 1)]);
}
const at = (name: string): string => path.join(lab.folder, name);

/** Runs the command in this process, in the lab's folder. */
async function report(...argv: string[]): Promise<{ code: number; stdout: string; message: string }> {
  let stdout = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((stdout += String(text))));
  const log = jest.spyOn(console, 'log').mockImplementation((text) => void (stdout += `${String(text)}\n`));
  const before = process.cwd();
  process.chdir(lab.folder);
  try {
    await Report.run(argv, path.join(__dirname, '../..'));
    return { code: Number(process.exitCode ?? 0), stdout, message: '' };
  } catch (error) {
    return { code: exitCodeOf(error), stdout, message: (error as Error).message };
  } finally {
    process.chdir(before);
    process.exitCode = undefined;
    write.mockRestore();
    log.mockRestore();
  }
}

test('without flags reads ./metrics and writes both reports', async () => {
  proven();
  const { code, stdout } = await report();
  expect(code).toBe(0);
  expect(stdout).toContain('Output Directory: ./aggregated_metrics\n');
  expect(stdout).toContain('✓ Saved text report: ./aggregated_metrics/final_report.txt\n');
  expect(existsSync(at('aggregated_metrics/final_report.json'))).toBe(true);
});

test('chooses each format by its extension', async () => {
  proven();
  const files = ['r.html', 'r.xml', 'r.csv', 'r.TXT'];
  const { code, stdout } = await report(...files.flatMap((file) => ['--out', file]));
  expect(code).toBe(0);
  for (const [at, name] of ['HTML', 'JUnit', 'CSV', 'text'].entries()) {
    expect(stdout).toContain(`✓ Saved ${name} report: ${files[at]}\n`);
  }
  const begins = files.map((file) => readFileSync(at(file), 'utf8').slice(0, 9).toLowerCase());
  expect(begins).toEqual(['<!doctype', '<?xml ver', 'time,unix', '=========']);
});

test('uses thresholds of the file unless flags replace them; a wrong one names file and key', async () => {
  proven();
  const config = ['--config', lab.write('r.toml', '[report]\nthresholds = ["p95<1ms"]')];
  expect((await report(...config)).code).toBe(3);
  expect((await report(...config, '--threshold', 'p95<1s')).code).toBe(0);
  lab.write('r.toml', '[report]\nthresholds = ["p99<1s", "p98<1s"]');
  const message = expect.stringMatching(/r\.toml: report\.thresholds: expected a metric.*got "p98<1s"/);
  expect(await report(...config)).toMatchObject({ code: 2, message });
});

test('with --json only the report is on stdout', async () => {
  lab.requests([request(1, 0)]);
  const { stdout } = await report('--json', '--out', 'x.txt');
  expect(JSON.parse(stdout)).toMatchObject({ total_requests: 1 });
  expect(existsSync(at('x.txt'))).toBe(true);
  expect(existsSync(at('aggregated_metrics'))).toBe(false);
});

test('flags win over the file', async () => {
  lab.requests([request(1, 0), request(1, 50, { run_id: 'run-2' })], 'a/machine_1_requests.ndjson');
  lab.events(1, [executed(5, 1, 1), { ...executed(55, 1, 1), run_id: 'run-2' }]);
  const config = lab.write('r.toml', '[report]\noutput_dir = "here/"\nclient_machines = ["none"]');
  const { code } = await report('--config', config, '--metrics', 'a', '--run', 'all');
  expect(code).toBe(0);
  expect(existsSync(at('here/final_report.json'))).toBe(true);
});

test.each<[string[], number]>([
  [['--threshold', 'p95<1s'], 0],
  [['--threshold', 'p95<1s', '--threshold', 'p95<1ms'], 3],
  // One request has no p99.
  [['--threshold', 'p99<1s'], 3],
  [['--threshold', 'recovery<1s'], 3],
  [['--threshold', 'felt<1s'], 3],
  [['--faults', 'none'], 4],
  [['--events', 'none'], 4],
  [['--metrics', 'metrics', '--metrics', 'none'], 4],
  [['--metrics', 'none', '--metrics', 'metrics', '--threshold', 'p95<1ms'], 3],
])('%j ends with %i', async (argv, code) => {
  proven();
  expect((await report(...argv)).code).toBe(code);
});

test('without the event files of the servers the audit is unknown: not verified, and what to name', async () => {
  lab.requests([request(1, 0)]);
  const { code, stdout } = await report();
  expect(code).toBe(4);
  expect(stdout).toContain(
    '\nNot verified: the audit (there are no event files of the servers: name their folders with --events)\n',
  );
});

test.each<[string[], number, RegExp]>([
  [['--metrics', 'none'], 4, /^there is nothing to report: none: does not exist$/],
  [['--threshold', 'p98<1ms'], 2, /^--threshold: expected a metric.*got "p98<1ms"; metrics are /],
  [['--out', 'a.pdf'], 2, /^--out: expected a file name ending in \.json, \.txt, \.html, \.xml, \.csv, got "a.pdf"$/],
  [
    ['--metrics', 'me@-there:/x'],
    2,
    /^--metrics: expected a path, or \[user@\]host\[:port\]:\/path on another machine/,
  ],
  [['--faults', 'me@there:22'], 2, /^--faults: expected a path, or .*, got "me@there:22"$/],
  [['--run', 'x'], 2, /^--run: run "x" not found in the files; known runs: "run-1"$/],
  [['--config', 'none.toml'], 2, /^none\.toml: no such file$/],
])('%j is an error in one line', async (argv, code, message) => {
  lab.requests([request(1, 0)]);
  expect(await report(...argv)).toMatchObject({ code, message: expect.stringMatching(message) });
});
