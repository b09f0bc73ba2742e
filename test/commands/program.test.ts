import { execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { statusServer, closeAll } from '../status/listening';
import { ROOT } from '../architecture/import-graph';

const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-program-'));
const program = path.join(folder, 'cloudp2p.cjs');

beforeAll(() => {
  const make = `import('./esbuild.config.mjs').then(({ bundle }) => bundle(${JSON.stringify(program)}))`;
  execFileSync(process.execPath, ['-e', make], { cwd: ROOT });
});
afterAll(async () => {
  await closeAll();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the bundle; `during` may act on the process. */
function start(
  argv: string[],
  options: SpawnOptions = {},
  during: (text: string, kill: () => void) => void = () => {},
) {
  const child = spawn(process.execPath, [program, ...argv], { cwd: folder, stdio: 'pipe', ...options });
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    ended.stdout += String(chunk);
    during(ended.stdout, () => child.kill('SIGINT'));
  });
  child.stderr?.on('data', (chunk) => (ended.stderr += String(chunk)));
  return new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ ...ended, code })));
}

it('starts without an environment, in an empty folder', async () => {
  const { code, stdout, stderr } = await start(['--version'], { env: {} });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^cloudp2p\//);
  expect(await start(['status', '--help'], { env: {} })).toMatchObject({ code: 0, stderr: '' });
});

// Only root may become another user.
(process.getuid?.() === 0 ? it : it.skip)('starts for a user without a passwd entry', async () => {
  execFileSync('chmod', ['755', folder]);
  const nobody = { uid: 54_321, gid: 54_321, env: {}, cwd: '/' };
  expect(await start(['--help'], nobody)).toMatchObject({ code: 0, stderr: '' });
  expect(await start(['init', folder], nobody)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('permission denied'),
  });
  expect(await start(['status', '--server', '127.0.0.1:1'], nobody)).toMatchObject({ code: 4, stderr: '' });
});

it('includes the pictures', async () => {
  expect(await start(['init', 'made'])).toMatchObject({ code: 0, stderr: '' });
});

it('ends quietly when the reader stops reading', async () => {
  const address = await statusServer(1);
  const line = `"${process.execPath}" "${program}" status --watch --server ${address} | head -n 1`;
  const out = execFileSync('sh', ['-c', `(${line}) 2>&1`], { encoding: 'utf8', timeout: 20_000 });
  expect(out).toMatch(/^ID .*\n$/);
});

it('watches on a pipe in plain blocks, and ends with 130 on Ctrl-C', async () => {
  const address = await statusServer(1);
  const argv = ['status', '--watch', '--server', address];
  const { code, stdout, stderr } = await start(argv, {}, (text, kill) => {
    if (text.split('ADDRESS').length === 3) kill();
  });
  expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
  expect(stdout).not.toContain('\u001b');
  expect(stdout.match(/server 1 follows server 1 in term 1\n\n/g)?.length).toBe(2);
});

it('exits as without --json, and reports errors on the right stream', async () => {
  expect(await start(['status', '--nope'])).toMatchObject({ code: 2, stdout: '' });
  const { code, stdout, stderr } = await start(['status', '--nope', '--json']);
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'bad_usage' } });
});

it('says that it has not been built yet', () => {
  const lost = path.join(folder, 'bin');
  execFileSync('cp', ['-r', path.join(ROOT, 'bin'), lost]);
  const run = `"${process.execPath}" "${lost}/run.js" --version 2>&1; echo $?`;
  expect(execFileSync('sh', ['-c', run], { encoding: 'utf8' })).toMatch(/^Error: .*npm run build.*\n1\n$/);
});
