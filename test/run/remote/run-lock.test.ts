import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lookAtProcess } from '../../../src/faults/drivers/process-info';
import { releaseRunLock, type Holder, holderHere, takeRunLock } from '../../../src/run/remote/run-lock';
import { STAY, START, TAKE, valuesOf } from '../../../src/run/remote/scripts.pure';
import { useTempFolder } from '../../config/helpers';
import { until } from '../../faults/until';
import { machineHere } from '../machine-here';

const temp = useTempFolder();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const holder = (run: string, more: Partial<Holder> = {}): Holder => ({ ...holderHere(run, 's1:c', 1e12), ...more });

function place(serverIds: number[] = []) {
  const dir = realpathSync(mkdtempSync(path.join(temp.folder, 'it\'s "a" $(touch hacked) \\t ')));
  const { machine } = machineHere('anna@s1:2222', temp.folder);
  const lock = path.join(dir, 'run.lock');
  return { machine, dir, serverIds, lock, text: (): string => readFileSync(lock, 'utf8') };
}

/** Starts a process that waits for the end of its input; `words` follow on its command line. */
async function waiting(cwd: string, ...words: string[]): Promise<number> {
  const child = spawn('sh', ['-c', 'echo; read -r _', ...words], { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid!;
}

test('a work folder is locked by one run at a time, which can lock it again', async () => {
  const it = place();
  expect(await takeRunLock(it, holder('r1'))).toEqual([]);
  expect(await takeRunLock(it, holder('r1'))).toEqual([]);
  expect(JSON.parse(it.text())).toMatchObject({ run_id: 'r1', pid: process.pid, since: 1e12 });
  await releaseRunLock(it, holder('r2'));
  expect(existsSync(it.lock)).toBe(true);
  await releaseRunLock(it, holder('r1'));
  expect(readdirSync(it.dir)).toEqual([]);
  expect(existsSync(path.join(temp.folder, 'hacked'))).toBe(false);
});

test.each([
  ['runs', (n: number) => `r${n}`],
  ['names of one folder in a run', () => 'r'],
])('of many %s at once, one gets it', async (_, runOf) => {
  const { dir } = place();
  const takers = Array.from({ length: 8 }, (_, n) => {
    const child = spawn('sh', ['-c', TAKE, 'sh', dir, runOf(n), `lock of ${n}`, '']);
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    return once(child, 'close').then(() => output);
  });
  const held = (await Promise.all(takers)).map((output) => valuesOf(output, 'held')[0]);
  const winner = held.findIndex((text) => text === undefined);
  expect(held.filter((text) => text === `lock of ${winner}`)).toHaveLength(7);
  expect(readdirSync(dir)).toEqual(['run.lock']);
});

describe('a lock of another run', () => {
  const refusal = async (other: Partial<Holder>): Promise<string[]> => {
    const it = place();
    await takeRunLock(it, holder('r1', other));
    const before = it.text();
    const lines = await takeRunLock(it, holder('r2'));
    expect(it.text() === before).toBe(lines.length > 0);
    return lines.map((line) => line.replaceAll(it.dir, 'DIR'));
  };

  test('holds while its controller is alive', async () => {
    const pid = await waiting('.');
    const kernel_start = (await lookAtProcess(pid))!.kernelStart;
    expect(await refusal({ controller: 'ctl', pid, kernel_start })).toEqual([
      expect.stringMatching(
        new RegExp(`^anna@s1:2222: run r1 of ctl \\(process ${pid}\\) uses DIR since 2001-09-09T01:46:40.000Z; if `),
      ),
    ]);
  });

  test('is taken over once the controller has ended', async () => {
    const { pid } = spawnSync('true');
    expect(await refusal({ pid })).toEqual([]);
    // Its pid now belongs to another process, or to this very one.
    expect(await refusal({ pid: await waiting('.') })).toEqual([]);
    expect(await refusal({ kernel_start: 'another one' })).toEqual([]);
  });

  test('holds if nobody can tell', async () => {
    const { pid } = spawnSync('true');
    expect(await refusal({ pid, pid_scope: 'of another machine' })).toHaveLength(1);
    expect(await refusal({ pid, pid_scope: null })).toHaveLength(1);
  });

  test('says how to remove it', async () => {
    const it = place();
    writeFileSync(it.lock, 'what is this\u001b[31m\n');
    const [line = ''] = await takeRunLock(it, holder('r2'));
    expect(line).toContain('anna@s1:2222: what is this\\u001b[31m uses ');
    const command = line.slice(line.indexOf('ssh '));
    const ssh = 'ssh() { shift 3; sh -c "$*"; }';
    expect(spawnSync('sh', ['-c', `${ssh}; ${command}`]).status).toBe(0);
    expect(existsSync(it.lock)).toBe(false);
  });

  test('is not removed if another run has just taken it over', () => {
    const { dir, lock } = place();
    writeFileSync(lock, 'new\n');
    const { stdout } = spawnSync('sh', ['-c', TAKE, 'sh', dir, 'r2', 'own', 'stale'], { encoding: 'utf8' });
    expect([valuesOf(stdout, 'held'), readdirSync(dir)]).toEqual([['new'], ['run.lock']]);
  });
});

test('one folder under two names is reported', async () => {
  const it = place();
  expect(await takeRunLock(it, holder('r1'))).toEqual([]);
  expect(await takeRunLock(it, holder('r1', { place: '10.0.0.1:/srv/c' }))).toEqual([
    '10.0.0.1:/srv/c and s1:c are the same folder: use the same name for the machine in both entries, or give each its own folder',
  ]);
});

test('servers and a load left by an earlier run are reported, with commands to stop them', async () => {
  const it = place([1, 2, 3]);
  const server = await waiting(it.dir, './cloudp2p', 'server', '--config', 'config/server1.toml');
  const other = path.join(temp.folder, 'other');
  mkdirSync(other, { recursive: true });
  // One pid now belongs to another lab's server, the other to no process.
  const elsewhere = await waiting(other, './cloudp2p', 'server', '--config', 'config/server2.toml');
  const pids = [server, elsewhere, spawnSync('true').pid];
  pids.forEach((pid, index) => {
    writeFileSync(path.join(it.dir, `server_${index + 1}.pid`), `${JSON.stringify({ pid, server_id: index + 1 })}\n`);
  });
  const wait = ['sh', '-c', 'i=0; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done', 'r0'];
  await it.machine.script(START, [it.dir, 'r0', STAY, ...wait]);
  const pidFile = path.join(it.dir, 'stress.pid');
  await until('the load runs', () => existsSync(pidFile));
  const load = Number(readFileSync(pidFile, 'utf8').split(' ')[0]);
  try {
    expect(await takeRunLock(it, holder('r1'))).toEqual([
      `server 1 on anna@s1:2222: it is already running (PID ${server}), so this run would not have it to itself: ` +
        `stop it first: ssh -p 2222 anna@s1 kill ${server}`,
      `anna@s1:2222: a load is already running there (PID ${load}), end it first: ssh -p 2222 anna@s1 kill -INT ${load}`,
    ]);
  } finally {
    process.kill(load, 'SIGKILL');
  }
});
