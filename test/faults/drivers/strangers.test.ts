/** Faults in a folder of another user: only that user's server and files are touched, nothing of ours. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { FaultKind } from '../../../src/core/fault-kinds';
import { fromProc, type ProcessInfo } from '../../../src/faults/drivers/process-info';
import { buildAgent } from '../agent-program';
import { LikenessLab } from '../likeness-lab';
import { processOf } from '../ring-rig';
import { TestAgent } from '../test-agent';
import { until } from '../until';

const IS_ROOT = process.geteuid?.() === 0;
if (!IS_ROOT) console.log('skipped, only root may become another user: faults in a folder of somebody else');
const asRoot = IS_ROOT ? describe : describe.skip;
/** Two users that need no names. */
const [ANNA, BERT] = [54_321, 54_322];

jest.setTimeout(60_000);
const program = buildAgent();
afterAll(() => program.remove());

let lab: LikenessLab;
const agents: TestAgent[] = [];
const children: ChildProcess[] = [];
/** A file of root beside the servers' folders, which must not change. */
let treasure: string;

beforeEach(async () => {
  lab = await LikenessLab.create(1);
  chmodSync(lab.folder, 0o755);
  treasure = path.join(lab.folder, 'treasure');
  writeFileSync(treasure, 'gold', { mode: 0o600 });
});

/** Ends exactly the processes that a test started. */
afterEach(async () => {
  for (const child of [...children.splice(0), ...agents.splice(0).map((agent) => agent.child)]) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once('exit', resolve));
    }
  }
  await lab.stop();
});

const workDir = (): string => lab.server(1).workDir;
const lock = (): string => `${lab.pidFile(1)}.faults.lock`;
const isAlive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

/** Starts an agent; `before` is run by the shell that becomes it, with the same pid. */
function startAgent({ uid, before = ':' }: { uid?: number; before?: string } = {}): TestAgent {
  const command = ['sh', '-c', `${before}; exec "$@"`, 'sh', process.execPath, program.script, 'fault-agent'];
  const user = uid === undefined ? [] : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
  const agent = new TestAgent([...user, ...command]);
  agents.push(agent);
  return agent;
}

/** The problems that an agent reports for these kinds; it runs as root by default. */
async function problems(kinds: FaultKind[] = ['pause'], agent = startAgent()): Promise<string[]> {
  const { servers } = await agent.hello(lab.servers, kinds);
  return servers.flatMap((server) => server.problems.map(({ text }) => text));
}

async function spawned(args: string[], options: { uid?: number; cwd?: string } = {}): Promise<ProcessInfo> {
  const { uid, cwd = workDir() } = options;
  const child = spawn(process.execPath, args, { cwd, uid, gid: uid, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return (await fromProc(child.pid!))!;
}

/** Starts a process of ours with the word `server` in its command line that is no server. */
async function startVictim(words = ['server'], file = 'victim.cjs', uid?: number): Promise<ProcessInfo> {
  const script = path.join(lab.folder, file);
  mkdirSync(path.dirname(script), { recursive: true });
  writeFileSync(script, 'setInterval(() => undefined, 1000); console.log("here");');
  return spawned([script, ...words], { uid });
}

const victim = (): ChildProcess => children.at(-1)!;

/** Writes a pid file that names it, as its own server would. */
function forge({ kernelStart, startMs }: ProcessInfo, owner: number, more: object = {}): void {
  const named = { pid: victim().pid, start_time: startMs, kernel_start: kernelStart, server_id: 1 };
  writeFileSync(lab.pidFile(1), JSON.stringify({ ...named, config: 'server.toml', ...more }));
  chownSync(lab.pidFile(1), owner, owner);
}

const own = (owner: number, mode = 0o755): void => {
  chownSync(workDir(), owner, owner);
  chmodSync(workDir(), mode);
};

/** Tries to inject the fault although the greeting reported problems; it must be refused. */
async function breakAnyway(agent: TestAgent, kind: 'kill' | 'pause'): Promise<void> {
  const { kernelStart, uid, gid } = (await fromProc(victim().pid!))!;
  const found = { pid: victim().pid, kernelStart, uid, gid };
  await expect(
    agent.ask('inject', { server: 1, process: found, fault: { kind }, healWithinMs: 60_000 }),
  ).rejects.toThrow(/^refused: /);
}

asRoot('a pid file of another user', () => {
  test('makes root kill nobody, whatever it says', async () => {
    own(ANNA);
    forge(await startVictim(['server', '--config', 'server.toml'], 'bin/run.js'), ANNA);
    const agent = startAgent();
    expect(await problems(['kill'], agent)).toEqual([
      `${lab.pidFile(1)} (user ${ANNA}, mode 644) names process ${victim().pid}, which runs as root: expected a file of root`,
    ]);
    await breakAnyway(agent, 'kill');
    await agent.end();
    expect(isAlive(victim())).toBe(true);
  });

  test('nor another user’s process', async () => {
    own(ANNA);
    forge(await startVictim(['server', '--config', 'server.toml'], 'bin/run.js', BERT), ANNA);
    expect(await problems()).toEqual([
      `${lab.pidFile(1)} (user ${ANNA}, mode 644) names process ${victim().pid}, which runs as user ${BERT}: expected a file of user ${BERT} or root`,
    ]);
  });

  test('nor a process that is no server, even if the file belongs to root', async () => {
    forge(await startVictim(), 0);
    const agent = startAgent();
    expect(await problems(['kill'], agent)).toEqual([
      expect.stringMatching(/is not a cloudp2p server with "server.toml", its command line is ".*server"$/),
    ]);
    await breakAnyway(agent, 'kill');
    expect(isAlive(victim())).toBe(true);
  });

  test('is not followed through a link', async () => {
    await lab.start(1);
    execFileSync('mv', [lab.pidFile(1), path.join(lab.folder, 'there')]);
    symlinkSync('../there', lab.pidFile(1));
    expect(await problems()).toEqual([`${lab.pidFile(1)} is a symbolic link, expected a regular file`]);
    execFileSync('mv', ['-f', path.join(lab.folder, 'there'), lab.pidFile(1)]);
  });
});

asRoot('a server’s folder', () => {
  beforeEach(() => lab.start(1));

  test.each<[string, number, number, RegExp | null]>([
    ['of its own user', 0, 0o755, null],
    ['of a group in which nobody else is', 0, 0o775, null],
    ['in which all may write', 0, 0o777, /\(root, mode 777\) can be written by everybody, .*: chmod o-w \S+s1$/],
    ['in which all may write, but take nothing away', 0, 0o1777, null],
    [
      'of another user',
      ANNA,
      0o755,
      /^the folder \S+s1 of the pid file \(user 54321, mode 755\) .* which runs as root: expected a folder of root; /,
    ],
  ])('%s', async (_, owner, mode, problem) => {
    own(owner, mode);
    expect(await problems()).toEqual(problem === null ? [] : [expect.stringMatching(problem)]);
    // Later it is no longer checked.
    own(0);
  });

  test('that another group may write to', async () => {
    chownSync(workDir(), 0, ANNA);
    chmodSync(workDir(), 0o775);
    expect(await problems()).toEqual([expect.stringMatching(/can be written by group 54321, .*: chmod g-w \S+s1$/)]);
  });

  test('and a pid file that others may write', async () => {
    chmodSync(lab.pidFile(1), 0o666);
    expect(await problems()).toEqual([
      `${lab.pidFile(1)} (root, mode 666) can be written by everybody, expected by its owner only: chmod o-w ${lab.pidFile(1)}`,
    ]);
  });
});

asRoot('a server of another user', () => {
  const startAs = async (uid: number, umask: string): Promise<void> => {
    own(uid, umask === '0002' ? 0o775 : 0o755);
    const command = `umask ${umask}; exec ../program server --config server.toml`;
    children.push(spawn('sh', ['-c', command], { cwd: workDir(), uid, gid: uid, stdio: 'ignore' }));
    await until(
      'it has started',
      () => existsSync(lab.pidFile(1)) && readFileSync(lab.pidFile(1), 'utf8').endsWith('}'),
    );
  };

  test("is killed and restarted by that user's agent, whatever the umask was", async () => {
    await startAs(ANNA, '0002');
    const agent = startAgent({ uid: ANNA });
    expect(await problems(['kill'], agent)).toEqual([]);
    await agent.inject(1, { kind: 'kill' });
    await agent.end();
    expect(await lab.state(1)).toBe('up');
    expect(await fromProc(lab.pid(1))).toMatchObject({ uid: ANNA });
    expect(lstatSync(lock(), { throwIfNoEntry: false })).toBe(undefined);
  });

  test('is killed by root, too, and restarted as that user', async () => {
    await startAs(ANNA, '0022');
    const agent = startAgent();
    expect(await problems(['kill'], agent)).toEqual([]);
    await agent.inject(1, { kind: 'kill' });
    await agent.end();
    expect(await fromProc(lab.pid(1))).toMatchObject({ uid: ANNA, gid: ANNA });
    expect(lab.log(1)).toContain('the fault "kill" was healed');
  });

  test('is refused where others may write', async () => {
    await startAs(ANNA, '0002');
    chmodSync(lab.pidFile(1), 0o644);
    expect(await problems()).toEqual([
      `the folder ${workDir()} of the pid file (user ${ANNA}, mode 775) can be written by group ${ANNA}, expected by its owner only: chmod g-w ${workDir()}`,
    ]);
  });
});

asRoot('links in a folder of another user', () => {
  test('at former temporary names of the lock: nothing is written through them', async () => {
    await lab.start(1);
    const before = `for end in "" .stale; do ln -s '${treasure}' '${lock()}'.$$$end; done`;
    const agent = startAgent({ before });
    await problems(['pause'], agent);
    await agent.inject(1, { kind: 'pause' });
    await agent.end();
    expect(readFileSync(treasure, 'utf8')).toBe('gold');
    expect(await lab.state(1)).toBe('up');
  });

  test('in place of the lock', async () => {
    await lab.start(1);
    symlinkSync(treasure, lock());
    expect(await problems()).toEqual([`${lock()} is a symbolic link, expected a regular file`]);
    expect(readFileSync(treasure, 'utf8')).toBe('gold');
  });

  test('a pipe in place of the lock blocks nobody', async () => {
    await lab.start(1);
    execFileSync('mkfifo', [lock()]);
    expect(await problems()).toEqual([`${lock()} is not a regular file`]);
  });

  test('in place of the log of a restarted server', async () => {
    own(ANNA);
    children.push(
      spawn('../program', ['server', '--config', 'server.toml'], {
        cwd: workDir(),
        uid: ANNA,
        gid: ANNA,
        stdio: 'ignore',
      }),
    );
    await until(
      'it has started',
      () => existsSync(lab.pidFile(1)) && readFileSync(lab.pidFile(1), 'utf8').endsWith('}'),
    );
    const log = path.join(workDir(), 'server_1.log');
    symlinkSync(path.join(lab.folder, 'new'), log);
    const refusal = `cannot write ${log}, the log of the server after a restart: it`;
    const first = startAgent();
    expect(await problems(['kill'], first)).toEqual([`${refusal} is a symbolic link, expected a regular file`]);
    await first.end();
    rmSync(log);
    writeFileSync(log, '', { mode: 0o644 });
    chownSync(log, BERT, BERT);
    const expected = `expected a file of root or user ${ANNA}`;
    expect(await problems(['kill'])).toEqual([`${refusal} belongs to user ${BERT}, mode 644, ${expected}`]);
    rmSync(log);
    agents.splice(0).forEach(({ child }) => child.kill('SIGKILL'));
    const agent = startAgent();
    await agent.hello(lab.servers, ['kill']);
    await agent.inject(1, { kind: 'kill' });
    // At the last moment.
    symlinkSync(treasure, log);
    await agent.end();
    expect(await lab.state(1)).toBe('up');
    expect(readFileSync(treasure, 'utf8')).toBe('gold');
    expect(existsSync(path.join(lab.folder, 'new'))).toBe(false);
  });
});

asRoot('a log that its own user may not write', () => {
  test.each<[string, (log: string) => void, string]>([
    ['of root', (log) => writeFileSync(log, '', { mode: 0o644 }), 'it belongs to root, mode 644'],
    [
      'behind a link that leads nowhere',
      (log) => symlinkSync('/nowhere', log),
      'it is a symbolic link to /nowhere, which does not exist',
    ],
  ])('%s: reported with the reason', async (_, make, why) => {
    own(ANNA);
    const server = ['server', '--config', 'server.toml'];
    children.push(spawn('../program', server, { cwd: workDir(), uid: ANNA, gid: ANNA, stdio: 'ignore' }));
    await until('it has started', () => existsSync(lab.pidFile(1)));
    const log = path.join(workDir(), 'server_1.log');
    make(log);
    expect(await problems(['kill'], startAgent({ uid: ANNA }))).toEqual([
      `cannot write ${log}, the log of the server after a restart: permission denied: ${why}`,
    ]);
  });
});

asRoot('a lock of another user', () => {
  test('starts nothing as root', async () => {
    own(ANNA);
    const open = { kind: 'kill', process: { ...processOf(4_000_000), uid: 0, gid: 0 } };
    writeFileSync(lock(), JSON.stringify({ pid: 4_000_000, start_time: 1, open }));
    chownSync(lock(), ANNA, ANNA);
    expect(await problems(['kill'])).toEqual([
      `${lock()} of user ${ANNA} says that the fault "kill" is not healed: run this once as that user, or remove the file and start the server yourself`,
    ]);
    expect(existsSync(lab.pidFile(1))).toBe(false);
    expect(existsSync(lock())).toBe(true);
  });

  test('is taken over if its run left no fault', async () => {
    own(ANNA);
    writeFileSync(lock(), JSON.stringify({ pid: 4_000_000, start_time: 1, open: null }));
    chownSync(lock(), ANNA, ANNA);
    expect(await problems(['kill'])).toEqual(['it is not running']);
  });
});
