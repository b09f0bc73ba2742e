/** Opens SSH connections as the user's ssh configuration says: jump hosts, host keys, logins. */
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Config } from 'node-ssh';
import { ClusterError } from '../core/errors';
import type { SshTarget } from '../core/ssh-target';
import { sshEnvironment, type SshEnvironment } from './ssh-environment';
import { hostKeyAlgorithms, hostKeyProblem } from './host-key';
import { type KnownHostsFile, knownHosts } from './known-hosts';
import { loadSsh, type SshPackages } from './load-ssh';
import { Logins } from './logins';
import { interrupted, reasonOf, unreachable } from './problems.pure';
import { Ssh } from './ssh';
import { resolveTarget, type SshSettings } from './ssh-config';

export interface ConnectOptions {
  /** Aborted: ends the connection and pending requests at once. */
  signal: AbortSignal;
  /** Default: from the process's environment. */
  environment?: SshEnvironment;
  /** Limit from the first packet to the login; ConnectTimeout of the ssh configuration overrides it (default: 10 s). */
  timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Keep-alive interval: a connection without an answer for three of them is lost. Milliseconds. */
const KEEPALIVE_MS = 5000;
const MAX_JUMPS = 8;

/**
 * Connects to a machine according to ~/.ssh/config, verifies its host key against known_hosts, and logs in by agent or
 * key.
 * @throws ClusterError `not_reachable` with a one-line reason, `bad_config` for an invalid ssh configuration,
 * `interrupted` if the signal is aborted
 */
export async function connectSsh(target: SshTarget, options: ConnectOptions): Promise<Ssh> {
  const packages = await loadSsh();
  return connectThrough(target, { environment: sshEnvironment(), ...options }, packages, undefined, 0);
}

type Options = ConnectOptions & { environment: SshEnvironment };

/** `via`: the jump host; without it, those of the target's ProxyJump. */
async function connectThrough(
  target: SshTarget,
  options: Options,
  packages: SshPackages,
  via: Ssh | undefined,
  depth: number,
): Promise<Ssh> {
  const settings = resolveTarget(target, options.environment);
  if (depth > MAX_JUMPS) throw new ClusterError('bad_config', `${settings.name}: more than ${MAX_JUMPS} jumps`);
  let last = via;
  try {
    if (via === undefined) {
      for (const jump of settings.jumps) last = await connectThrough(jump, options, packages, last, depth + 1);
    }
    return await connectTo(settings, options, packages, last);
  } catch (error) {
    last?.close();
    throw error;
  }
}

async function connectTo(settings: SshSettings, options: Options, packages: SshPackages, via?: Ssh): Promise<Ssh> {
  const { name, hostName: host, port, user } = settings;
  const { signal } = options;
  if (signal.aborted) throw interrupted();
  const timeoutMs = settings.connectTimeoutMs ?? options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const hostKey = hostKeyCheck(settings);
  const logins = await Logins.find(settings, packages.ssh2);
  const config: Config = {
    host,
    port,
    username: user,
    readyTimeout: timeoutMs,
    keepaliveInterval: KEEPALIVE_MS,
    algorithms: { serverHostKey: hostKey.algorithms },
    hostVerifier: hostKey.verify,
    authHandler: logins.handler,
    ...(via && { sock: await forwarded(via, host, port, name) }),
  };
  const node = new packages.NodeSSH();
  const connected = node.connect(config);
  const connection = node.connection!;
  // Without a listener an error would end the program, and node-ssh removes its own after the login.
  connection.on('error', () => undefined);
  // Small requests must not wait for the answers to others (no Nagle).
  connection.on('connect', () => connection.setNoDelay(true));
  const end = (): void => void connection.destroy();
  signal.addEventListener('abort', end);
  try {
    if (signal.aborted) end();
    await connected;
  } catch (error) {
    end();
    signal.removeEventListener('abort', end);
    if (signal.aborted) throw interrupted();
    const why = hostKey.problem ?? reasonOf(error, { host, port, timeoutMs, loginProblem: () => logins.problem });
    throw unreachable(name, why, error);
  }
  connection.once('close', () => signal.removeEventListener('abort', end));
  return new Ssh(name, connection, signal, via);
}

/** The host key check: the algorithms to request, the verifier, and the reason of a failure. */
function hostKeyCheck({ hostName, hostKeyAlias, port, knownHostsFiles }: SshSettings) {
  // An alias is in the file without a port.
  const names = hostKeyAlias === undefined ? { host: hostName, port } : { host: hostKeyAlias, port: 22 };
  const known = knownHosts(knownHostsFiles.flatMap(readKnownHosts), names);
  const check = {
    algorithms: hostKeyAlgorithms(known),
    problem: null as string | null,
    verify: (key: Buffer): boolean => {
      const knownHostsFile = knownHostsFiles[0] ?? 'known_hosts';
      check.problem = hostKeyProblem(known, key, { host: hostName, port, knownHostsFile });
      return check.problem === null;
    },
  };
  return check;
}

function readKnownHosts(path: string): KnownHostsFile[] {
  try {
    return [{ path, text: readFileSync(path, 'utf8') }];
  } catch {
    // A missing file lists no hosts, so the host is refused.
    return [];
  }
}

function forwarded(via: Ssh, host: string, port: number, name: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    via.connection.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error) reject(unreachable(name, `${via.name} could not connect to ${host} port ${port}`, error));
      else resolve(channel);
    });
  });
}
