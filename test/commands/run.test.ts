import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cli, linesOf } from './capture';

const ROOT = process.cwd();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-run-'));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(ROOT);
  rmSync(folder, { recursive: true });
});

test('--plan says what would be done, and does nothing', async () => {
  const { code, stdout, stderr } = await cli('run', '--plan', '--servers', '2', '--out', 'here', '--cycles', '2');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = linesOf(stdout);
  expect(lines[0]).toBe('1. Start 2 servers on 127.0.0.1, free ports; files in here');
  expect(lines.filter((line) => /kill|restart/.test(line))).toHaveLength(8);
  expect(readdirSync('.')).toEqual([]);
});

test('--plan names the folder after the start time', async () => {
  const { stdout } = await cli('run', '--plan');
  expect(linesOf(stdout)[0]).toMatch(/; files in runs\/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$/);
});

test('--plan --json prints the configuration, and flags win over the file', async () => {
  writeFileSync('r.toml', '[run]\nservers = 5\n[report]\nthresholds = ["p99<1s"]');
  const { stdout } = await cli(
    'run',
    '--plan',
    '--json',
    '--config',
    'r.toml',
    '--servers',
    '4',
    '--first-fault',
    '0.5',
  );
  expect(JSON.parse(stdout)).toMatchObject({
    servers: 4,
    thresholds: ['p99<1s'],
    faults: { firstMs: 500, spec: { intervalMs: 8000 } },
  });
});

test.each([
  [['--servers', '0'], '--servers: expected a whole number from 1 to 20, got "0"'],
  [['--servers', 'x'], '--servers: expected a whole number from 1 to 20, got "x"'],
  [['--port', '65516'], '--port: expected a whole number from 1 to 65515, got "65516"'],
  [['--clients', '1.5'], '--clients: expected a whole number from 1 to 100000, got "1.5"'],
  [['--requests', '0'], '--requests: expected a whole number from 1 to 1000000000, got "0"'],
  [['--min-delay-ms', '-1'], '--min-delay-ms: expected a number of milliseconds from 0 to 86400000, got "-1"'],
  [['--max-delay-ms', ''], '--max-delay-ms: expected a number of milliseconds from 0 to 86400000, got ""'],
  [['--cycles', '-1'], '--cycles: expected a whole number from 0 to 100000, got "-1"'],
  [['--first-fault', '1e3'], '--first-fault: expected a number of seconds from 0 to 604800, got "1e3"'],
  [['--interval', '604801'], '--interval: expected a number of seconds from 0 to 604800, got "604801"'],
  [['--restart-delay', 'soon'], '--restart-delay: expected a number of seconds from 0 to 604800, got "soon"'],
  [['--seed', '-1'], '--seed: expected a whole number from 0 to 140737488355328, got "-1"'],
  [['--image-dir', ''], '--image-dir: expected a path, got ""'],
  [['--out', ' '], '--out: expected a path, got " "'],
  [['--min-delay-ms', '9', '--max-delay-ms', '8'], '--min-delay-ms: expected at most --max-delay-ms (8), got 9'],
  [['--min-delay-ms', '9000'], '--min-delay-ms: expected at most stress.max_delay_ms (2000, its default), got 9000'],
  [['--config', 'none.toml'], 'none.toml: no such file'],
  [['--config', 'bad.toml'], 'bad.toml: run.servers: expected a whole number from 1 to 20, got 0'],
  [['--clientss', '3'], 'unknown flag --clientss, did you mean "--clients"?'],
])('%j: one clear line, exit 2, nothing done', async (flags, line) => {
  writeFileSync('bad.toml', '[run]\nservers = 0');
  const { code, stdout, stderr } = await cli('run', ...flags);
  expect({ code, stdout, line: linesOf(stderr)[0] }).toEqual({ code: 2, stdout: '', line: `Error: ${line}` });
  expect(existsSync('runs')).toBe(false);
});

test('a bad threshold: names the flag, or file and key', async () => {
  const what = /expected a metric, one of < <= > >=, and a number, like p99<800ms, got "p98<1ms"; metrics are /;
  const flag = await cli('run', '--threshold', 'p98<1ms');
  expect(flag.code).toBe(2);
  expect(flag.stderr).toMatch(new RegExp(`^Error: --threshold: ${what.source}`));
  writeFileSync('r.toml', '[report]\nthresholds = ["p99<1s", "p98<1ms"]');
  const file = await cli('run', '--config', 'r.toml');
  expect(file.code).toBe(2);
  expect(file.stderr).toMatch(new RegExp(`^Error: r\\.toml: report\\.thresholds: ${what.source}`));
});

test('an output folder that exists, or cannot be made', async () => {
  writeFileSync('file', '');
  symlinkSync('nowhere/at all', 'link');
  for (const [out, why] of [
    ['link', 'it is a symbolic link to nowhere/at all, which does not exist'],
    ['link/x', 'the folder link cannot be created: it is a symbolic link to nowhere/at all, which does not exist'],
    ['.', 'it already exists, and a run needs a new folder'],
    ['file/x', 'the folder file cannot be created: the name is in use by something else'],
  ] as const) {
    const { code, stdout, stderr } = await cli('run', '--out', out);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: `Error: cannot make the folder ${out}: ${why}\n`,
    });
  }
});

test('flags of faults apply, and no cycles mean no faults', async () => {
  const kinds = await cli('run', '--plan', '--kind', 'pause', '--target', 'leader');
  expect(kinds.stdout).toContain('pause the leader at that moment');
  const none = await cli('run', '--plan', '--cycles', '0', '--kind', 'pause');
  expect({ code: none.code, steps: linesOf(none.stdout).slice(2, 4) }).toEqual({
    code: 0,
    steps: ['3. Faults; times from the start of the clients:', '      none'],
  });
  const wrong = await cli('run', '--plan', '--kind', 'nap');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/^Error: --kind: expected one of /);
});

test('over SSH: a Node script cannot be copied, nor a file that is no executable', async () => {
  const machines = '[[servers]]\nid=1\nhost="s1"\naddress="s:1"\nwork_dir="w"\n[[clients]]\nhost="c1"\nwork_dir="w"\n';
  writeFileSync('lab.toml', machines);
  const script = await cli('run', '--plan', '--config', 'lab.toml');
  expect(script.code).toBe(2);
  expect(script.stderr).toMatch(/^Error: a run over SSH copies the built executable, but this is a Node script: /);
  writeFileSync('bad.toml', `[run]\nbinary = "lab.toml"\n${machines}`);
  const bad = await cli('run', '--plan', '--config', 'bad.toml');
  expect(bad.stderr).toBe('Error: run.binary: expected an executable of Linux or macOS, got "lab.toml"\n');
  writeFileSync('good.toml', `[run]\nbinary = "${process.execPath}"\n${machines}`);
  const good = await cli('run', '--plan', '--config', 'good.toml');
  expect(good.code).toBe(0);
  expect(linesOf(good.stdout)[0]).toBe('1. CONNECT: to 2 machines over SSH, in parallel: s1, c1');
});
