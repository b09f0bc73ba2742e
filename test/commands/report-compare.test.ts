import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { execute } from '../../src/index';
import { renderJson } from '../../src/report/render/json';
import { useLab } from '../report/lab';
import { sampleRun } from '../report/compare/simulate';

const lab = useLab();
const at = (name: string): string => path.join(lab.folder, name);

beforeEach(() => {
  const run = sampleRun();
  const whole = { ...run, inputs: { ...run.inputs, missing: [] } };
  for (const name of ['a', 'b']) lab.write(`${name}/final_report.json`, renderJson(whole));
});

/** Runs `report` with these arguments in this process, in the lab's folder. */
async function report(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => Boolean((said[name] += String(text)))),
  );
  spies.push(
    jest.spyOn(console, 'log').mockImplementation((text) => void (said.stdout += `${String(text)}\n`)) as never,
  );
  const before = process.cwd();
  process.chdir(lab.folder);
  try {
    return { code: await execute(['report', ...argv]), ...said };
  } finally {
    process.chdir(before);
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

test.each([
  [['--compare', 'a', 'b']],
  [['--compare', 'a', '--compare', 'b']],
  [['--compare', 'a/final_report.json', 'b']],
])('%j prints the comparison, and writes nothing', async (argv) => {
  const { code, stdout, stderr } = await report(...argv);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('CloudP2P - Two Runs Compared');
  expect(stdout).toContain('Steady: inconclusive in failure rate; no difference in goodput, avg, p50, p95, p99.');
  expect(existsSync(at('aggregated_metrics'))).toBe(false);
});

test('a run with files that could not be read: 4', async () => {
  lab.write('b/final_report.json', renderJson(sampleRun()));
  const { code, stdout } = await report('--compare', 'a', 'b');
  expect(code).toBe(4);
  expect(stdout).toContain('B is incomplete: some of its files could not be read.');
});

test('--out also writes it, in the format of each extension', async () => {
  const { code, stdout } = await report(
    '--out',
    'x.html',
    '--compare',
    'a',
    'b',
    '--out',
    'new/x.txt',
    '--out',
    'x.json',
  );
  expect(code).toBe(0);
  expect(stdout).toContain('✓ Saved comparison: x.html\n');
  expect(readFileSync(at('x.html'), 'utf8')).toMatch(/^<!doctype html>/);
  expect(stdout.startsWith(readFileSync(at('new/x.txt'), 'utf8').trimEnd())).toBe(true);
  expect(JSON.parse(readFileSync(at('x.json'), 'utf8'))).toMatchObject({ a: { name: 'a' }, b: { name: 'b' } });
});

test('a run that was wrong exits with 3, whichever it is', async () => {
  lab.write(
    'wrong/final_report.json',
    renderJson({ ...sampleRun(), verdict: { ...sampleRun().verdict, kind: 'wrong' } }),
  );
  for (const places of [
    ['a', 'wrong'],
    ['wrong', 'a'],
  ]) {
    const { code, stdout } = await report('--compare', ...places);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^[AB] is wrong\. Goodput/m);
  }
});

test('with --json only the comparison is on stdout', async () => {
  const { code, stdout } = await report('--json', '--compare', 'a', 'b');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    false_alarms_percent: 6,
    may_flatter: ['interval', 'detectable', 'verdict'],
    scopes: [{ scope: 'steady' }, { scope: 'whole' }],
  });
});

const EXPECTED = 'expected two runs, each a folder with a final_report.json or the file itself';

test.each([
  [['--compare', 'a'], `Error: --compare: ${EXPECTED}; got 1\n`],
  [['--compare', 'a', 'b', 'a'], `Error: --compare: ${EXPECTED}; got 3\n`],
  [['--compare', 'a', 'none'], 'Error: --compare: none: cannot be read: does not exist\n'],
  [
    ['--compare', 'a', 'b', '--out', 'x.xml'],
    'Error: --out: expected a file name ending in .txt, .html, .json, got "x.xml"\n',
  ],
])('%j is wrong usage', async (argv, message) => {
  const { code, stdout, stderr } = await report(...argv);
  expect(stderr).toBe(message);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test.each([['--metrics'], ['--events'], ['--faults'], ['--run'], ['--threshold']])(
  '%s cannot be combined with it',
  async (flag) => {
    const { code, stderr } = await report('--compare', 'a', 'b', flag, 'p99<1s');
    expect(code).toBe(2);
    expect(stderr).toContain(flag);
  },
);

test('writes nothing if one of the files cannot be written', async () => {
  const { code, stderr } = await report('--compare', 'a', 'b', '--out', 'x.txt', '--out', 'a/final_report.json/y.txt');
  expect(code).toBe(2);
  expect(stderr).toContain('cannot write');
  expect(existsSync(at('x.txt'))).toBe(false);
});
