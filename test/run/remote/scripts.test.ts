/** The scripts for other machines, run by the shell of this one. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {
  DIGESTS,
  LOOK,
  PREPARE,
  PUT_ASIDE,
  SIGNAL,
  START,
  STAY,
  TAKE,
  valuesOf,
} from '../../../src/run/remote/scripts.pure';
import { systemOf } from '../../../src/run/remote/executable';
import { useTempFolder } from '../../config/helpers';
import { until } from '../../faults/until';

const temp = useTempFolder();
/** A new name for each test. */
let nasty = '';
let count = 0;
const folder = (): string => path.join(temp.folder, nasty);

beforeEach(() => {
  nasty = `${++count} it's "a" $(touch hacked); \`id\` *`;
});

function sh(script: string, ...args: string[]) {
  return spawnSync('sh', ['-c', script, 'sh', ...args], { cwd: temp.folder, encoding: 'utf8' });
}

test('a work folder is created, and the machine described', () => {
  const { stdout, stderr, status } = sh(PREPARE, nasty, 'config', 'a b');
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(valuesOf(stdout, 'dir')).toEqual([realpathSync(folder())]);
  expect(valuesOf(stdout, 'system')).toEqual([execFileSync('uname', ['-sm'], { encoding: 'utf8' }).trim()]);
  expect(Number(valuesOf(stdout, 'free_kib')[0])).toBeGreaterThan(1000);
  expect(['config', 'a b'].every((name) => existsSync(path.join(folder(), name)))).toBe(true);
  expect(existsSync(path.join(temp.folder, 'hacked'))).toBe(false);
  // Again, with the same result.
  expect(sh(PREPARE, nasty, 'config').status).toBe(0);
});

test('a link in place of a temporary file is not followed', async () => {
  mkdirSync(folder());
  const treasure = path.join(temp.folder, `treasure ${count}`);
  writeFileSync(treasure, 'gold');
  const names = ['.cloudp2p.$$', 'run.lock.r1.$$', 'stress.pid.new', 'stress.exit.new', 'stress.run', 'stress.log'];
  for (const [script, ...args] of [[PREPARE], [TAKE, 'r1', 'own', ''], [START, 'r1', STAY, 'true']]) {
    const links = names.map((name) => `ln -sf "$0" "$2/${name}"`).join('; ');
    // The script has the pid of the shell that becomes it.
    const how = ['-c', `${links}; exec sh -c "$1" sh "\${@:2}"`, treasure, script!, nasty, ...args];
    const { status, stderr } = spawnSync('bash', how, { cwd: temp.folder, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  }
  await until('the load has ended', () => existsSync(path.join(folder(), 'stress.exit')));
  expect(readFileSync(treasure, 'utf8')).toBe('gold');
});

test('a link or a pipe in place of the lock is reported', () => {
  mkdirSync(folder());
  const lock = path.join(folder(), 'run.lock');
  symlinkSync(temp.folder, lock);
  const take = () => sh(TAKE, nasty, 'r1', 'own', '');
  expect(take()).toMatchObject({ status: 1, stderr: 'run.lock is not a regular file\n' });
  rmSync(lock);
  execFileSync('mkfifo', [lock]);
  expect(take()).toMatchObject({ status: 1, stderr: 'run.lock is not a regular file\n' });
});

test('a backslash is an ordinary character', () => {
  nasty = 'a\\tb\\nc\\0101\\c';
  const { stdout } = sh(PREPARE, nasty);
  expect(valuesOf(stdout, 'dir')).toEqual([realpathSync(folder())]);
  expect(valuesOf(stdout, 'system')).toHaveLength(1);
  writeFileSync(path.join(folder(), 'stress.log'), 'first\ncannot read C:\\new\\table\\c\n');
  expect(valuesOf(sh(LOOK, nasty, 'run').stdout, 'last')).toEqual(['cannot read C:\\new\\table\\c']);
});

test('an impossible work folder is reported', () => {
  writeFileSync(path.join(temp.folder, 'file'), '');
  const { status, stderr } = sh(PREPARE, 'file/below');
  expect(status).toBe(1);
  expect(stderr).not.toBe('');
});

test('files are compared by content', () => {
  mkdirSync(folder());
  writeFileSync(path.join(folder(), 'a b'), 'text');
  const { stdout } = sh(DIGESTS, nasty, 'a b', 'none', '-rf');
  const text = createHash('sha256').update('text').digest('hex');
  expect(valuesOf(stdout, 'digest')).toEqual([text, 'none', 'none']);
});

test('and by mode', () => {
  mkdirSync(folder());
  const [key, program] = ['key b', 'program'].map((name) => path.join(folder(), name)) as [string, string];
  writeFileSync(key, 'text', { mode: 0o600 });
  writeFileSync(program, 'text', { mode: 0o755 });
  const modes = (): string[] => valuesOf(sh(DIGESTS, nasty, 'key b', 'program', 'none').stdout, 'mode');
  expect(modes()).toEqual(['-rw-------', '-rwxr-xr-x', 'none']);
  // The mode of a link is that of its target.
  symlinkSync('program', path.join(folder(), 'link'));
  expect(valuesOf(sh(DIGESTS, nasty, 'link').stdout, 'mode')).toEqual(['-rwxr-xr-x']);
});

test('remains of an interrupted upload are removed', () => {
  mkdirSync(folder());
  const left = ['a b.1-2.cloudp2p.tmp', 'a b.3.cloudp2p.tmp', 'a b', 'other.1.cloudp2p.tmp'];
  for (const name of left) writeFileSync(path.join(folder(), name), '');
  sh(DIGESTS, nasty, 'a b');
  expect(readdirSync(folder()).sort()).toEqual(['a b', 'other.1.cloudp2p.tmp']);
});

test('files of an earlier run are moved aside', () => {
  mkdirSync(folder());
  writeFileSync(path.join(folder(), 'e'), 'old');
  expect(sh(PUT_ASIDE, nasty, 'before_1_', 'e', 'none').status).toBe(0);
  expect(readFileSync(path.join(folder(), 'before_1_e'), 'utf8')).toBe('old');
});

describe('a load', () => {
  const look = (run: string): string => valuesOf(sh(LOOK, nasty, run).stdout, 'state')[0]!;
  const isOver = (run: string): boolean => !['starting', 'running'].includes(look(run));
  /** Exits with 7 on a signal; waits for at most ten seconds. */
  const WAITING = 'trap "exit 7" INT USR2; i=0; echo ready; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done';
  const begin = (run: string, script = WAITING) => sh(START, nasty, run, STAY, 'bash', '-c', script, run);

  beforeEach(() => mkdirSync(folder()));

  test('runs on its own, is found again, and leaves its exit code', async () => {
    const run = randomUUID();
    expect(begin(run)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    await until('it has begun', () => valuesOf(sh(LOOK, nasty, run).stdout, 'last')[0] === 'ready');
    await until('its number is written down', () => look(run) === 'running');
    const [pid] = readFileSync(path.join(folder(), 'stress.pid'), 'utf8').split(' ');
    // Started again, it is the same.
    expect(begin(run).status).toBe(0);
    expect(readFileSync(path.join(folder(), 'stress.pid'), 'utf8').split(' ')[0]).toBe(pid);
    // Another one is refused.
    const other = begin(randomUUID());
    expect(other).toMatchObject({ status: 1, stderr: `a load is already running there (PID ${pid})\n` });
    expect(sh(SIGNAL, nasty, run, 'USR2').status).toBe(0);
    await until('it ends', () => isOver(run));
    expect(look(run)).toBe('ended 7');
  });

  test('is signalled only if it is that very process', async () => {
    const run = randomUUID();
    begin(run);
    await until('it runs', () => look(run) === 'running');
    const file = path.join(folder(), 'stress.pid');
    const right = readFileSync(file, 'utf8');
    const [pid, start] = right.trim().split(' ');
    writeFileSync(file, `${pid} ${Number(start) + 1}\n`);
    expect(look(run)).toBe('gone');
    expect(sh(SIGNAL, nasty, run, 'KILL').status).toBe(0);
    expect(sh(SIGNAL, nasty, randomUUID(), 'KILL').status).toBe(0);
    writeFileSync(file, right);
    expect(look(run)).toBe('running');
    sh(SIGNAL, nasty, run, 'KILL');
    await until('it ends', () => isOver(run));
    expect(look(run)).toBe('ended 137');
  });

  test('that was never started has no process', () => {
    expect(look(randomUUID())).toBe('none');
  });
});

test('reads the system from an executable', () => {
  const own = readFileSync(process.execPath).subarray(0, 64);
  expect(systemOf(own)).toBe(execFileSync('uname', ['-sm'], { encoding: 'utf8' }).trim());
  expect(systemOf(Buffer.from('#!/usr/bin/env node\nrequire("x")'))).toBeNull();
  expect(systemOf(Buffer.alloc(3))).toBeNull();
});
