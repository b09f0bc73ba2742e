import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Writable } from 'node:stream';
import type { ServerProcess } from '../../../src/faults/driver';
import type { LocalServer } from '../../../src/faults/drivers/local-server';
import { launchDetached } from '../../../src/faults/drivers/launch';
import { logFileOf } from '../../../src/faults/drivers/server-log';
import { localDriver, type LocalDriverOptions } from '../../../src/faults/drivers/local';
import { fromProc, fromPs } from '../../../src/faults/drivers/process-info';
import { freePorts } from '../../support/cluster';
import { processOf, serverOf } from '../ring-rig';
import { until } from '../until';

const SCRIPT = path.join(__dirname, '..', 'likeness.cjs');

let folder = '';
let server: LocalServer;
const children: ChildProcess[] = [];
const pids: number[] = [];
const at = (name: string): string => path.join(folder, name);

/** The driver of one server, in its current configuration. */
function driver(how: Partial<LocalDriverOptions & { server: LocalServer }> = {}) {
  const { server: one = server, ...more } = how;
  const { find, inject, heal } = localDriver({ servers: [one], ...more });
  return {
    find: () => find(1),
    kill: (process: ServerProcess) => inject(1, process, { kind: 'kill' }, 0),
    inject: (process: ServerProcess, kind: 'terminate' | 'pause' | 'restart') => inject(1, process, { kind }, 0),
    start: () => heal(1, 'kill', ownUser()),
    resume: (process: ServerProcess) => heal(1, 'pause', process),
  };
}

/** The user who runs the tests. */
function ownUser(): ServerProcess {
  return { ...processOf(0), uid: process.geteuid!(), gid: process.getegid!() };
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-local-'));
  const [port] = await freePorts(1);
  const place = { workDir: folder, config: 'a.toml', pidFile: at('server_1.pid') };
  const command = [process.execPath, SCRIPT];
  server = {
    ...serverOf(1),
    ...place,
    command,
    binary: command.join(' '),
    address: { host: '127.0.0.1', port: port! },
  };
  writeConfig({});
});

/** Ends exactly the processes that a test started. */
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await ended(child);
  }
  for (const pid of pids.splice(0)) {
    if (await fromProc(pid)) process.kill(pid, 'SIGKILL');
    await until('it is gone', async () => (await fromProc(pid)) === null);
  }
  rmSync(folder, { recursive: true });
});

function writeConfig(more: object): void {
  const { id, address, pidFile } = server;
  writeFileSync(at('a.json'), JSON.stringify({ id, port: address.port, pidFile, ...more }));
}

async function ended(child: ChildProcess): Promise<string | number | null> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return child.signalCode ?? child.exitCode;
}

const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

/** Starts a stand-in for the server, as somebody else would. */
async function startLikeness(args = ['server', '--config', 'a.toml']): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { cwd: folder, stdio: 'ignore' });
  children.push(child);
  await until('it has started', () => existsSync(server.pidFile) && readFileSync(server.pidFile, 'utf8').endsWith('}'));
  return child;
}

function writePidFile(content: object | string | Uint8Array): void {
  const isText = typeof content === 'string' || content instanceof Uint8Array;
  writeFileSync(server.pidFile, isText ? content : JSON.stringify(content));
}

function pidFileNow(): { pid: number; start_time: number; server_id: number; config: string } {
  return JSON.parse(readFileSync(server.pidFile, 'utf8')) as ReturnType<typeof pidFileNow>;
}

async function startOne(): Promise<number> {
  const { pid } = await driver().start();
  pids.push(pid);
  return pid;
}

function listening(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(server.address.port, '127.0.0.1');
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false));
  });
}

describe('a running server', () => {
  it('is found and killed; its process is gone afterwards', async () => {
    const child = await startLikeness();
    const found = await driver().find();
    expect(found!.pid).toBe(child.pid);
    expect(found!.kernelStart).toMatch(/^[-0-9a-f]{36}\/\d+$/);
    await driver().kill(found!);
    expect(await fromProc(child.pid!)).toBe(null);
    expect(await ended(child)).toBe('SIGKILL');
    // The pid file is stale now.
    expect(await driver().find()).toBe(null);
  });

  it('is found by another spelling of its configuration', async () => {
    await startLikeness(['server', '--config', './a.toml']);
    expect(await driver({ server: { ...server, config: at('a.toml') } }).find()).not.toBe(null);
  });

  it('is not found without a pid file', async () => {
    expect(await driver().find()).toBe(null);
  });
});

describe('a clock that was set in the meantime', () => {
  const kernelStart = async (pid: number) => (await fromProc(pid))!.kernelStart;

  it('changes nothing: the kernel’s own record of the start counts', async () => {
    const child = await startLikeness();
    writePidFile({ ...pidFileNow(), start_time: 0, kernel_start: await kernelStart(child.pid!) });
    expect(await driver().find()).toMatchObject({ pid: child.pid });
  });

  it('does not make another process with the right time the server', async () => {
    const child = await startLikeness();
    writePidFile({ ...pidFileNow(), kernel_start: await kernelStart(process.pid) });
    await expect(driver().find()).rejects.toThrow(/^process \d+ of .*server_1.pid started at /);
    writePidFile({ ...pidFileNow(), kernel_start: 7 });
    await expect(driver().find()).rejects.toThrow('is not the pid file of a server');
    expect(isAlive(child)).toBe(true);
  });
});

describe('a process that only looks like the server is refused, and lives on', () => {
  const changes: [string, (now: ReturnType<typeof pidFileNow>) => object | string | Uint8Array, RegExp][] = [
    [
      'of another start',
      (now) => ({ ...now, start_time: now.start_time - 2500 }),
      /^process \d+ of .*server_1.pid started at 20.*Z, not at 20.*Z$/,
    ],
    ['started in the future', (now) => ({ ...now, start_time: 1e300 }), /not at 1e\+300$/],
    ['of another server', (now) => ({ ...now, server_id: 2 }), /server_1.pid is that of server 2$/],
    [
      'of another configuration',
      (now) => ({ ...now, config: 'b\u001b.toml' }),
      /started with "b\\u001b.toml", not with "a.toml"$/,
    ],
    [
      'without a configuration',
      (now) => ({ ...now, config: null }),
      /started without a configuration file, not with "a.toml"$/,
    ],
    ['of no number', (now) => ({ ...now, pid: String(now.pid) }), /is not the pid file of a server$/],
    ['of a group', (now) => ({ ...now, pid: -now.pid }), /is not the pid file of a server$/],
    ['of number 1', (now) => ({ ...now, pid: 1 }), /is not the pid file of a server$/],
    ['garbage', () => Uint8Array.from([0, 255, 10, 123]), /is not the pid file of a server$/],
    ['empty', () => '', /is not the pid file of a server$/],
    ['null', () => 'null', /is not the pid file of a server$/],
    ['huge', () => ' '.repeat(1_000_000), /is larger than 8192 bytes$/],
  ];

  it.each(changes)('a pid file %s', async (_, change, reason) => {
    const child = await startLikeness();
    writePidFile(change(pidFileNow()));
    const found = processOf(child.pid!);
    await expect(driver().find()).rejects.toMatchObject({
      name: 'ClusterError',
      message: expect.stringMatching(reason),
    });
    await expect(driver().kill(found)).rejects.toMatchObject({ message: expect.stringMatching(reason) });
    expect(isAlive(child)).toBe(true);
  });

  it('a process with another command line', async () => {
    const child = await startLikeness(['serverless', '--config', 'a.toml']);
    await expect(driver().find()).rejects.toThrow(
      /^process \d+ of .* is not a cloudp2p server with "a.toml", its command line is ".*serverless/,
    );
    expect(isAlive(child)).toBe(true);
  });

  it('a process that has the pid by now', async () => {
    const child = await startLikeness();
    const other = spawn('sleep', ['1000']);
    children.push(other);
    writePidFile({ ...pidFileNow(), pid: other.pid });
    await expect(driver().find()).rejects.toThrow(
      /is not a cloudp2p server with "a.toml", its command line is "sleep 1000"$/,
    );
    await expect(driver().kill(processOf(other.pid!))).rejects.toThrow('is not a cloudp2p server');
    expect([child, other].map(isAlive)).toEqual([true, true]);
  });

  it('a pipe, which would never end', async () => {
    execFileSync('mkfifo', [server.pidFile]);
    await expect(driver().find()).rejects.toThrow(/is not a regular file$/);
  });

  it('a folder', async () => {
    mkdirSync(server.pidFile);
    await expect(driver().find()).rejects.toThrow(/is not a regular file$/);
  });
});

describe('between find and kill', () => {
  it('restarted by somebody: the new process lives', async () => {
    const child = await startLikeness();
    const old = processOf(child.pid! + 1);
    await expect(driver().kill(old)).rejects.toThrow(`it has just been restarted, as process ${child.pid}`);
    expect(isAlive(child)).toBe(true);
  });

  it('ended: reported', async () => {
    const child = await startLikeness();
    const found = await driver().find();
    child.kill('SIGKILL');
    await ended(child);
    await expect(driver().kill(found!)).rejects.toThrow('it has just ended by itself');
  });
});

describe('a pause', () => {
  it('stops the process, and a resume continues it', async () => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    expect(found.isPaused).toBe(false);
    await driver().inject(found, 'pause');
    expect((await fromProc(child.pid!))!.isPaused).toBe(true);
    expect((await fromPs(child.pid!))!.isPaused).toBe(true);
    expect(await driver().find()).toMatchObject({ pid: child.pid, isPaused: true });
    expect(await driver().resume(found)).toMatchObject({ pid: child.pid });
    expect((await fromProc(child.pid!))!.isPaused).toBe(false);
  });

  it.each([
    ['is gone', () => rmSync(server.pidFile)],
    ['tells another start', () => writePidFile({ ...pidFileNow(), start_time: 0 })],
    ['is garbage', () => writePidFile('')],
  ])('is healed by a resume although the pid file %s', async (_, change) => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    await driver().inject(found, 'pause');
    change();
    expect(await driver().resume(found)).toMatchObject({ pid: child.pid });
    expect((await fromProc(child.pid!))!.isPaused).toBe(false);
  });

  it('of a process that was restarted in the meantime needs no resume', async () => {
    const first = await startLikeness();
    const found = (await driver().find())!;
    await driver().inject(found, 'pause');
    first.kill('SIGKILL');
    await ended(first);
    rmSync(server.pidFile);
    const second = await startLikeness();
    expect(await driver().resume(found)).toMatchObject({ pid: second.pid });
  });

  it('of a process that has ended is refused', async () => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    child.kill('SIGKILL');
    await ended(child);
    await expect(driver().inject(found, 'pause')).rejects.toThrow('it has just ended by itself');
  });

  it.each([
    ['', () => undefined],
    [', whatever its pid file says', () => writePidFile({ ...pidFileNow(), pid: process.pid })],
  ])('of a process that ends while it is paused is healed by a restart%s', async (_, change) => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    await driver().inject(found, 'pause');
    child.kill('SIGKILL');
    await ended(child);
    change();
    const { pid } = await driver().resume(found);
    pids.push(pid);
    expect(await driver().find()).toMatchObject({ pid, isPaused: false });
    expect(await listening()).toBe(true);
  });

  it('of one that shut down in order meanwhile is not healed: nobody wants it back', async () => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    await driver().inject(found, 'pause');
    rmSync(server.pidFile);
    child.kill('SIGKILL');
    await ended(child);
    await expect(driver().resume(found)).rejects.toThrow('it has shut down in the meantime');
    expect(await listening()).toBe(false);
  });

  it('of one that ends and cannot be restarted says why', async () => {
    const child = await startLikeness();
    const found = (await driver().find())!;
    await driver().inject(found, 'pause');
    child.kill('SIGKILL');
    await ended(child);
    writeConfig({ exitCode: 7 });
    await expect(driver().resume(found)).rejects.toThrow('it ended with exit code 7');
  });
});

describe('a termination', () => {
  it.each(['terminate', 'restart'] as const)('%s: asks it to leave, and waits until it has', async (kind) => {
    const child = await startLikeness();
    await driver().inject((await driver().find())!, kind);
    expect(await fromProc(child.pid!)).toBe(null);
    expect(await ended(child)).toBe('SIGTERM');
  });

  it('of one that does not leave: it is killed, and that is reported', async () => {
    writeConfig({ isDeafToSigterm: true });
    const child = await startLikeness();
    const impatient = driver({ terminateMs: 200 });
    expect(await impatient.inject((await impatient.find())!, 'terminate')).toBe(
      `process ${child.pid} did not shut down within 0.2 s after SIGTERM, and was killed`,
    );
    expect(await ended(child)).toBe('SIGKILL');
  });
});

describe('a start', () => {
  it('is done when it listens and is identified; its output is appended to its log', async () => {
    writeFileSync(logFileOf(server), 'before\n');
    writeConfig({ says: 'hello' });
    const pid = await startOne();
    expect(await listening()).toBe(true);
    expect(pidFileNow()).toMatchObject({ pid, server_id: 1, config: 'a.toml' });
    expect(await driver().find()).toMatchObject({ pid });
    expect(readFileSync(logFileOf(server), 'utf8')).toBe('before\nhello\n');
    // In its own session, so that signals to this program do not end it.
    const [group, session] = execFileSync('ps', ['-o', 'pgid=,sid=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    expect([Number(group), Number(session)]).toEqual([pid, pid]);
  });

  it('works repeatedly, each after a kill', async () => {
    const first = await startOne();
    await driver().kill((await driver().find())!);
    const second = await startOne();
    expect(second).not.toBe(first);
    expect(await driver().find()).toMatchObject({ pid: second });
  });

  it('is not fooled by remains of a former life', async () => {
    await startLikeness();
    writeConfig({ exitCode: 1 });
    await expect(driver().start()).rejects.toThrow('it ended with exit code 1');
  });

  it('that exits early: its exit code and last words, not older ones', async () => {
    writeFileSync(logFileOf(server), 'old words\n');
    writeConfig({ exitCode: 7, says: 'first\nError: \u001b[31mno cover\n' });
    await expect(driver().start()).rejects.toThrow(/^it ended with exit code 7: Error: \\u001b\[31mno cover$/);
    writeConfig({ exitCode: 7 });
    await expect(driver().start()).rejects.toThrow(/^it ended with exit code 7$/);
  });

  it('that does not listen: given up, and not left behind', async () => {
    writeConfig({ isDeaf: true });
    const impatient = driver({ upMs: 700 });
    await expect(impatient.start()).rejects.toThrow(/^it did not listen within 0.7 s$/);
    const { pid } = pidFileNow();
    await until('it is gone', async () => (await fromProc(pid)) === null);
  });

  it('with a wrong pid file fails', async () => {
    writeConfig({ lie: { server_id: 9 } });
    await expect(driver({ upMs: 700 }).start()).rejects.toThrow('it did not listen within 0.7 s');
  });

  it('with a missing program', async () => {
    const missing = { ...server, command: ['/nowhere/cloudp2p'], binary: './cloudp2p' };
    await expect(driver({ server: missing }).start()).rejects.toMatchObject({
      message: 'cannot run ./cloudp2p: does not exist',
      name: 'ClusterError',
    });
  });

  it('with an unwritable log: a server without a log is better than none', async () => {
    mkdirSync(logFileOf(server));
    await startOne();
    expect(await listening()).toBe(true);
  });

  const asRoot = process.geteuid?.() === 0 ? it : it.skip;
  asRoot('runs as the user of the former process; a new log belongs to that user, too', async () => {
    const whoami = { ...server, command: ['/bin/sh', '-c', 'id -u; id -g; id -G', '-'] };
    const nobody = { uid: 65_534, gid: 65_534 };
    const child = launchDetached(whoami, nobody);
    await ended(child);
    expect(readFileSync(logFileOf(server), 'utf8')).toBe('65534\n65534\n65534\n');
    expect(statSync(logFileOf(server))).toMatchObject(nobody);
  });

  it('can be done by the caller', async () => {
    const own = driver({
      launch: ({ command: [program, ...args], config, workDir }) => {
        const child = spawn(program!, [...args, 'server', '--config', config], { cwd: workDir, stdio: 'ignore' });
        children.push(child);
        return child;
      },
    });
    expect(await own.start()).toMatchObject({ pid: children[0]!.pid });
    expect(existsSync(logFileOf(server))).toBe(false);
  });
});

describe('process information', () => {
  it('is the same from /proc and from ps', async () => {
    const child = await startLikeness();
    const [proc, ps] = [await fromProc(child.pid!), await fromPs(child.pid!)];
    expect(proc!.words).toEqual([process.execPath, SCRIPT, 'server', '--config', 'a.toml']);
    expect(ps!.words).toEqual(proc!.words);
    expect(Math.abs(proc!.startMs - pidFileNow().start_time)).toBeLessThan(1000);
    expect(Math.abs(ps!.startMs - proc!.startMs)).toBeLessThan(2000);
  });

  it('of one that is gone: none', async () => {
    const child = spawn('true');
    await ended(child);
    expect(await fromProc(child.pid!)).toBe(null);
    expect(await fromPs(child.pid!)).toBe(null);
  });

  it('of a zombie: none, for it is dead', async () => {
    // sleep never reaps the child that the shell before it started; the child ends once its input is closed.
    const stdio = ['ignore', 'pipe', 'ignore', 'pipe'] as const;
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 1000'], { stdio: [...stdio] });
    children.push(parent);
    const pid = await new Promise<number>((resolve) => parent.stdout!.once('data', (data) => resolve(Number(data))));
    await until('the shell has become sleep', async () => (await fromProc(parent.pid!))?.words[0] === 'sleep');
    (parent.stdio[3] as Writable).end();
    await until('it is a zombie', () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
    expect(await fromProc(pid)).toBe(null);
    expect(await fromPs(pid)).toBe(null);
  });
});
