/** Which processes the executable takes for a server: those that people start, never one that only claims to be one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FaultEvent } from '../../src/core/metrics/record';
import { fromProc } from '../../src/faults/drivers/process-info';
import { until } from '../faults/until';
import { freePorts } from '../support/cluster';
import { faultIn } from '../support/fault-events';
import { inFolder, PROGRAM, runProgram, startProgram } from '../support/program';

const IS_ROOT = process.geteuid?.() === 0;
if (!IS_ROOT) console.log('skipped, only root may become another user: faults as root in a folder of somebody else');
const asRoot = IS_ROOT ? test : test.skip;
const ANNA = 54_321;
const SCRIPT = path.join(__dirname, '../../bin/run.js');

jest.setTimeout(60_000);
const children: ChildProcess[] = [];

/** Ends exactly the processes that a test started. */
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once('exit', resolve));
    }
  }
});

function start(command: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): ChildProcess {
  const [program, ...args] = command;
  const child = spawn(program!, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

const said = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.stdout!.once('data', resolve));

async function writeServer(folder: string, more = ''): Promise<void> {
  const [port] = await freePorts(1);
  mkdirSync(path.join(folder, 'config'), { recursive: true });
  writeFileSync(path.join(folder, 'config/server1.toml'), `[server]\nid = 1\naddress = "127.0.0.1:${port}"\n`);
  const entry = `[[servers]]\nid = 1\nconfig = "config/server1.toml"\n${more}`;
  writeFileSync(path.join(folder, 'faults.toml'), entry);
}

const ONCE = ['--config', 'faults.toml', '--cycles', '1', '--interval', '0', '--allow-total-outage'];
const faults = (kind: string, secs = 0.2): string[] => [
  'faults',
  '--kind',
  kind,
  '--restart-delay',
  `${secs}`,
  ...ONCE,
];

const pidIn = (folder: string): number =>
  (JSON.parse(readFileSync(path.join(folder, 'server_1.pid'), 'utf8')) as { pid: number }).pid;

const eventsIn = (folder: string): FaultEvent[] =>
  readFileSync(path.join(folder, 'fault_events.ndjson'), 'utf8').trim().split('\n').flatMap(faultIn);

asRoot('a forged pid file does not make root kill anybody', async () => {
  await inFolder(async (folder) => {
    // The program to be started after a kill ends at once.
    await writeServer(folder, 'binary = "/bin/false"\n');
    writeFileSync(path.join(folder, 'victim.js'), 'setInterval(() => undefined, 1000); console.log("here");');
    const victim = start([process.execPath, 'victim.js', 'server'], { cwd: folder });
    await said(victim);
    const { startMs, kernelStart } = (await fromProc(victim.pid!))!;
    const content = { pid: victim.pid, start_time: startMs, kernel_start: kernelStart, server_id: 1 };
    const pidFile = path.join(folder, 'server_1.pid');
    writeFileSync(pidFile, JSON.stringify({ ...content, config: 'config/server1.toml' }));
    for (const place of [folder, pidFile]) chownSync(place, ANNA, ANNA);
    const forged = await runProgram(faults('kill'), { cwd: folder });
    expect(victim.signalCode).toBe(null);
    expect(forged).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`(user ${ANNA}, mode 644) names process`),
    });
    // Not even if root had written the file.
    for (const place of [folder, pidFile]) chownSync(place, 0, 0);
    const wrong = await runProgram(faults('kill'), { cwd: folder });
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining('is not a cloudp2p server with') });
    expect(victim.signalCode).toBe(null);
  });
});

test.each([
  ['the executable', [PROGRAM, 'server', '--config', 'config/server1.toml']],
  ['its name alone', ['cloudp2p', 'server', '--config=./config/server1.toml']],
  ['without a flag', ['./cloudp2p', 'server']],
  ['with more flags', ['./cloudp2p', 'server', '--id', '1', '--log-level', 'warn']],
  ['a script', [process.execPath, SCRIPT, 'server', '--config', 'config/server1.toml']],
])('recognizes a server started by hand: %s', async (_, command) => {
  await inFolder(async (folder) => {
    await writeServer(folder);
    copyFileSync(PROGRAM, path.join(folder, 'cloudp2p'));
    chmodSync(path.join(folder, 'cloudp2p'), 0o755);
    start(command, { cwd: folder, env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } });
    await until('it runs', () => existsSync(path.join(folder, 'server_1.pid')));
    const { code, stderr } = await runProgram(faults('pause'), { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(eventsIn(folder).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'pause started',
      'pause done',
      'resume started',
      'resume done',
    ]);
  });
});

test('a paused server that dies is restarted', async () => {
  await inFolder(async (folder) => {
    await writeServer(folder);
    const server = start([PROGRAM, 'server'], { cwd: folder });
    await until('it runs', () => existsSync(path.join(folder, 'server_1.pid')));
    const run = startProgram(faults('pause', 2), { cwd: folder });
    await run.says(/Server 1 is now PAUSED/);
    server.kill('SIGKILL');
    const { code } = await run.ended;
    const pid = pidIn(folder);
    try {
      expect(code).toBe(0);
      expect(await fromProc(pid)).toMatchObject({ isPaused: false });
      expect(pid).not.toBe(server.pid);
      const detail = `process ${server.pid} ended while it was paused; the server was started again`;
      expect(eventsIn(folder).at(-1)).toMatchObject({ action: 'resume', outcome: 'done', pid, detail });
    } finally {
      if (pid !== server.pid) process.kill(pid, 'SIGKILL');
    }
  });
});
