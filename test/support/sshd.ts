import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { SshEnvironment } from '../../src/ssh/ssh-environment';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((file) => existsSync(file));

/** For tests that need a real OpenSSH server; without one they are skipped, with a message. */
export const describeWithSshd = SSHD === undefined ? describe.skip : describe;
if (SSHD === undefined)
  process.stderr.write('sshd is missing (Debian package openssh-server): its tests are skipped\n');

export const USER = userInfo().username;

export interface SshdOptions {
  /** Lines of sshd_config, before the others: the first line of a keyword counts. */
  config?: readonly string[];
  /** Environment of its programs besides HOME, an empty folder: a person's own shell files must not matter. */
  env?: Readonly<Record<string, string>>;
  /** Types of its host keys. Default: ed25519 only. */
  keyTypes?: readonly KeyType[];
  /** Default: true. */
  hasSftp?: boolean;
}

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

/**
 * A folder with a home (keys, known_hosts, config), and OpenSSH servers on free loopback ports that let this user in.
 * `stop` ends everything.
 */
export class SshLab {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-ssh-'));
  readonly home = path.join(this.folder, 'home');
  private readonly children: ChildProcess[] = [];
  private count = 0;

  constructor() {
    mkdirSync(this.ssh('.'), { recursive: true, mode: 0o700 });
    this.makeKey('id_ed25519');
    writeFileSync(this.authorized, readFileSync(this.ssh('id_ed25519.pub')));
  }

  get environment(): SshEnvironment {
    return { home: this.home, user: USER };
  }

  /** The path of a file in the home's .ssh. */
  ssh(name: string): string {
    return path.join(this.home, '.ssh', name);
  }

  get authorized(): string {
    return path.join(this.folder, 'authorized_keys');
  }

  /** Makes a key pair in the home's .ssh. */
  makeKey(name: string, { type = 'ed25519' as KeyType, passphrase = '' } = {}): string {
    makeKey(this.ssh(name), type, passphrase);
    return this.ssh(name);
  }

  /** Authorizes a key of the home. */
  authorize(name: string): void {
    writeFileSync(this.authorized, readFileSync(this.ssh(`${name}.pub`)), { flag: 'a' });
  }

  config(text: string): void {
    writeFileSync(this.ssh('config'), text);
  }

  /** Starts a server whose host keys the home knows. */
  async start({ config = [], env = {}, keyTypes = ['ed25519'], hasSftp = true }: SshdOptions = {}): Promise<Sshd> {
    const folder = path.join(this.folder, `sshd${++this.count}`);
    mkdirSync(folder);
    // sshd requires this folder when root runs it, though it stays empty.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    const keys = keyTypes.map((type) => makeKey(path.join(folder, type), type, ''));
    const port = await freePort();
    const lines = [
      ...config,
      `SetEnv ${Object.entries({ HOME: folder, ...env })
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      ...keys.map((key) => `HostKey ${key}`),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `PidFile none`,
      `AuthorizedKeysFile ${this.authorized}`,
      ...['StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
      ...['PermitRootLogin prohibit-password'],
      ...(hasSftp ? ['Subsystem sftp internal-sftp'] : []),
    ];
    writeFileSync(path.join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
    const sshd = new Sshd(port, keys, await this.run(folder));
    this.know(sshd);
    return sshd;
  }

  /** Adds its host keys to known_hosts, under `name` instead of its address if given. */
  know(sshd: Sshd, name = `[127.0.0.1]:${sshd.port}`): void {
    writeFileSync(this.ssh('known_hosts'), sshd.publicKeys.map((key) => `${name} ${key}\n`).join(''), { flag: 'a' });
  }

  /** Makes a PATH on which the clock is `secs` ahead; fractions come from one program, or from none. */
  wrongClock(secs: number, by: ClockProgram | 'none' = 'date'): string {
    const bin = path.join(this.folder, `bin${++this.count}`);
    mkdirSync(bin);
    const program = (name: string, script: string): void =>
      writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    for (const name of ['sh', 'sed']) symlinkSync(realProgram(name)!, path.join(bin, name));
    const date = `exec ${realProgram('date')} -d '${secs} seconds' "$@"`;
    // Like macOS's date, which does not know %N.
    program('date', by === 'date' ? date : `case $1 in *N*) echo N ;; *) ${date} ;; esac`);
    // Edits the part of the script that reads the time.
    const ahead = (before: string, after: string): string =>
      `last=$(printf '%s' "$last" | sed 's/${before}/${after}/')`;
    const real = realProgram(by);
    if (by === 'perl')
      program(
        'perl',
        `last=$3\n${ahead(' time }', ` time + ${secs} }`)}\nexec ${real} "$1" "$2" ${'$'}{last:+"$last"}`,
      );
    if (by === 'python3')
      program('python3', `last=$2\n${ahead('time.time()', `(time.time() + ${secs})`)}\nexec ${real} "$1" "$last"`);
    return bin;
  }

  /** Starts an ssh-agent that holds these keys of the home; returns its socket. */
  async agent(...names: string[]): Promise<string> {
    const socket = path.join(this.folder, `agent${++this.count}`);
    this.children.push(spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }));
    const isThere = (): boolean => spawnSync('ssh-add', ['-l'], { env: withAgent(socket) }).status !== 2;
    await until('ssh-agent answers', isThere);
    for (const name of names)
      execFileSync('ssh-add', ['-q', this.ssh(name)], { env: withAgent(socket), stdio: 'pipe' });
    return socket;
  }

  stop(): void {
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async run(folder: string): Promise<ChildProcess> {
    const child = spawn(SSHD!, ['-D', '-e', '-f', path.join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.children.push(child);
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (data: Buffer) => {
        log += data.toString();
        if (log.includes('Server listening')) resolve();
      });
      child.once('exit', () => reject(new Error(`sshd did not start: ${log}`)));
    });
    return child;
  }
}

export class Sshd {
  constructor(
    readonly port: number,
    private readonly keys: readonly string[],
    private readonly child: ChildProcess,
  ) {}

  /** `user@127.0.0.1:port` */
  get address(): string {
    return `${USER}@127.0.0.1:${this.port}`;
  }

  get target(): { user: string; host: string; port: number } {
    return { user: USER, host: '127.0.0.1', port: this.port };
  }

  /** `ssh-ed25519 AAAA...` of each host key. */
  get publicKeys(): string[] {
    return this.keys.map((key) => readFileSync(`${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' '));
  }

  /** `SHA256:...` of each host key, as ssh-keygen says. */
  get fingerprints(): string[] {
    return this.keys.map((key) => execFileSync('ssh-keygen', ['-lf', key], { encoding: 'utf8' }).split(' ')[1]!);
  }

  /** Ends all connections, as when a wire is cut; new ones are accepted. Returns how many processes it killed. */
  dropConnections(): number {
    return killAll(childrenOf(this.child.pid!));
  }

  /** Ends it with all connections, as when the machine dies. */
  stop(): void {
    const sessions = childrenOf(this.child.pid!);
    killAll([this.child.pid!, ...sessions]);
  }
}

function killAll(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  return pids.length;
}

export type ClockProgram = 'date' | 'perl' | 'python3';

/** The programs that exist here and can print fractions of a second. */
export const CLOCK_PROGRAMS = (['date', 'perl', 'python3'] as const).filter((name) => {
  const asked = { date: ['+%N'], perl: ['-MTime::HiRes', '-e', '1'], python3: ['-c', '1'] }[name];
  return spawnSync(name, asked).status === 0;
});

/** Resolves the path of a program; `python3` may be a script that finds it. */
function realProgram(name: string): string | undefined {
  const ask =
    name === 'python3' ? ['python3', '-c', 'import sys; print(sys.executable)'] : ['sh', '-c', `command -v ${name}`];
  return spawnSync(ask[0]!, ask.slice(1), { encoding: 'utf8' }).stdout?.trim() || undefined;
}

function makeKey(file: string, type: KeyType, passphrase: string): string {
  const bits = type === 'rsa' ? ['-b', '2048'] : [];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, '-N', passphrase, '-C', 'test', '-f', file]);
  return file;
}

function withAgent(socket: string): NodeJS.ProcessEnv {
  return { ...process.env, SSH_AUTH_SOCK: socket };
}

/** The descendants of a process, at any depth. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return children.map(Number).flatMap((child) => [child, ...childrenOf(child)]);
  } catch {
    return [];
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function until(what: string, isSo: () => boolean, timeoutMs = 5000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
