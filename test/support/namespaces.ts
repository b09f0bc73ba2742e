/**
 * Several machines on one: network namespaces, each with an address and an OpenSSH server, on one bridge. Needs root.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installNetemLikeness, type Netem, netemHere } from './netem';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((file) => existsSync(file));
/** The prefix of all namespaces that tests make; the pid of the test follows it. */
const PREFIX = 'cloudp2p-lab-';
const NETWORK = '10.213.7';
/** Includes the folders of a Debian system's programs that are not on every user's PATH. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** The reason why there can be no namespaces here; null if there can. */
export const WHY_NO_NAMESPACES = whyNot();

/** A machine of the lab, with its own folder and sshd. */
export class LabHost {
  sshd: ChildProcess | undefined;

  constructor(
    /** Its name in the controller's ~/.ssh/config. */
    readonly name: string,
    readonly namespace: string,
    readonly address: string,
    readonly folder: string,
  ) {}

  /** The command lines of the processes running on it. */
  get processes(): string[] {
    return pidsIn(this.namespace).flatMap((pid) => {
      try {
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`];
      } catch {
        return [];
      }
    });
  }

  /** Kills all its SSH sessions, as a crash would; new connections are accepted. Returns how many it killed. */
  dropConnections(): number {
    const sessions = childrenOf(this.sshd!.pid!);
    for (const pid of sessions) kill(pid);
    return sessions.length;
  }
}

/** A controller, and machines that it reaches over SSH by name. `stop` ends everything. */
export class NamespaceLab {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-lab-'));
  readonly controller: LabHost;
  readonly hosts: LabHost[];
  /** The netem that its hosts use; null if there is none. */
  readonly netem: Netem | null = netemHere();
  private readonly bridge: string;
  /** The first folder on the PATH of its hosts. */
  private readonly bin = path.join(this.folder, 'bin');

  private constructor(names: readonly string[]) {
    const id = `${PREFIX}${process.pid}-`;
    const host = (name: string, index: number): LabHost =>
      new LabHost(name, `${id}${name}`, `${NETWORK}.${10 + index}`, path.join(this.folder, name));
    this.bridge = `${id}bridge`;
    this.controller = host('controller', 0);
    this.hosts = names.map((name, index) => host(name, index + 1));
  }

  /** Makes the network and starts an sshd on every host except the controller. */
  static async start(names: readonly string[]): Promise<NamespaceLab> {
    removeLeftovers();
    const lab = new NamespaceLab(names);
    try {
      mkdirSync(lab.bin);
      if (lab.netem === 'likeness') installNetemLikeness(lab.bin);
      lab.makeNetwork();
      lab.makeKeys();
      await Promise.all(lab.hosts.map((host) => lab.startSshd(host)));
      return lab;
    } catch (error) {
      lab.stop();
      throw error;
    }
  }

  host(name: string): LabHost {
    return this.hosts.find((host) => host.name === name)!;
  }

  get home(): string {
    return path.join(this.controller.folder, 'home');
  }

  /** The environment of programs that the controller runs. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: this.path, HOME: this.home, SSH_AUTH_SOCK: '' };
  }

  private get path(): string {
    return `${this.bin}:${PATH}`;
  }

  /** The command line that runs a program on a host; `ip` executes it, so the pid stays the same. */
  command(host: LabHost, program: string, args: readonly string[]): [string, string[]] {
    return [IP, ['netns', 'exec', host.namespace, program, ...args]];
  }

  stop(): void {
    for (const { namespace } of [this.controller, ...this.hosts]) removeNamespace(namespace);
    removeNamespace(this.bridge);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private makeNetwork(): void {
    ip('netns', 'add', this.bridge);
    ip('-n', this.bridge, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', this.bridge, 'link', 'set', 'br0', 'up');
    [this.controller, ...this.hosts].forEach(({ namespace, address, folder }, index) => {
      mkdirSync(folder);
      ip('netns', 'add', namespace);
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
      ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `port${index}`, 'netns', this.bridge);
      ip('-n', this.bridge, 'link', 'set', `port${index}`, 'master', 'br0', 'up');
      ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    });
  }

  /** Makes the controller's key, known_hosts and config, as a person would have them. */
  private makeKeys(): void {
    mkdirSync(path.join(this.home, '.ssh'), { recursive: true, mode: 0o700 });
    makeKey(this.inHome('id_ed25519'));
    const lines = this.hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n  User root\n`);
    writeFileSync(this.inHome('config'), lines.join(''));
    for (const { folder } of this.hosts) makeKey(path.join(folder, 'host_key'));
    const known = this.hosts.map(({ address, folder }) => {
      return `${address} ${readFileSync(path.join(folder, 'host_key.pub'), 'utf8')}`;
    });
    writeFileSync(this.inHome('known_hosts'), known.join(''));
  }

  private inHome(name: string): string {
    return path.join(this.home, '.ssh', name);
  }

  private async startSshd(host: LabHost): Promise<void> {
    // sshd requires this folder when root runs it, though it stays empty.
    mkdirSync('/run/sshd', { recursive: true });
    const config = [
      `HostKey ${path.join(host.folder, 'host_key')}`,
      ...['Port 22', `ListenAddress ${host.address}`, 'PidFile none', `SetEnv HOME=${host.folder} PATH=${this.path}`],
      `AuthorizedKeysFile ${this.inHome('id_ed25519.pub')}`,
      ...['StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
      ...['PermitRootLogin prohibit-password', 'Subsystem sftp internal-sftp', 'MaxStartups 100'],
    ];
    const file = path.join(host.folder, 'sshd_config');
    writeFileSync(file, `${config.join('\n')}\n`);
    const [program, args] = this.command(host, SSHD!, ['-D', '-e', '-f', file]);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    host.sshd = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (data: Buffer) => {
        log += data.toString();
        if (log.includes('Server listening')) resolve();
      });
      child.once('exit', () => reject(new Error(`sshd of ${host.name} did not start: ${log}`)));
    });
  }
}

/** The existing namespaces of tests, from any process. */
export function labNamespaces(): string[] {
  const lines = execFileSync(IP, ['netns', 'list'], { encoding: 'utf8' }).split('\n');
  return lines.map((line) => line.split(' ')[0]!).filter((name) => name.startsWith(PREFIX));
}

/** Removes the namespaces of test processes that were killed. */
function removeLeftovers(): void {
  for (const name of labNamespaces()) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0]);
    if (pid === process.pid || !existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}

/** Removes a namespace and kills everything that runs in it. */
function removeNamespace(name: string): void {
  if (!labNamespaces().includes(name)) return;
  for (const pid of pidsIn(name)) kill(pid);
  ip('netns', 'del', name);
}

function pidsIn(namespace: string): number[] {
  const { stdout } = spawnSync(IP, ['netns', 'pids', namespace], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function makeKey(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
}

const IP = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].find((file) => existsSync(file)) ?? 'ip';

function ip(...args: string[]): void {
  execFileSync(IP, args, { stdio: 'pipe' });
}

function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'this is not root';
  if (SSHD === undefined) return 'sshd is missing (Debian package openssh-server)';
  const probe = `${PREFIX}${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', probe], { env: { ...process.env, PATH }, encoding: 'utf8' });
  if (made.error) return 'ip is missing (Debian package iproute2)';
  if (made.status !== 0) return `no network namespace can be made: ${made.stderr.trim()}`;
  // A container's namespaces may have no veth.
  const cable = ['-n', probe, 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1'];
  const wired = spawnSync('ip', cable, { env: { ...process.env, PATH }, encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', probe], { env: { ...process.env, PATH } });
  return wired.status === 0 ? null : `no virtual network can be made: ${wired.stderr.trim()}`;
}
