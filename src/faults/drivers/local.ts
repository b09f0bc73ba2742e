/** Injects and heals faults in servers of this machine, by signals, restarts and network rules. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { formatAddress } from '../../core/transport/address';
import { askOne } from '../../core/transport/ask-status';
import { type FaultKind, isHealedByStart } from '../../core/fault-kinds';
import type { StatusFields } from '../../core/protocol';
import { causeOf } from '../../files/cause';
import { sizeOf } from '../../files/size-of';
import type { Driver, Fault, Found, ServerProcess } from '../driver';
import { nullIfRefused, refused } from '../refusal';
import { type Launch, launchDetached, type ServerOwner } from './launch';
import type { LocalServer } from './local-server';
import { healNetwork, impair } from './network/impairment';
import type { Tool } from './network/tools';
import { forgery } from './ownership';
import { disagreement, readPidFile } from './read-pid-file';
import { isStillThere, lookAtProcess, type ProcessInfo } from './process-info';
import { lastLine, logFileOf } from './server-log';

/** An effect is noticed, and its event recorded, at most this much late. */
const POLL_MS = 25;
/** Limits one attempt of the many within `upMs`. */
const CONNECT_MS = 1000;
/** As long as `status` waits for an answer. */
const ASK_MS = 1000;

export interface LocalDriverOptions {
  servers: readonly LocalServer[];
  /** Starts a server (default: so that it outlives this program). */
  launch?: Launch;
  /** Time limit for the effect of a signal. */
  goneMs?: number;
  /** Time limit for a graceful shutdown, in which running tasks finish: twice the 5 s that a server gives them. */
  terminateMs?: number;
  /** Time limit for a started server to listen. */
  upMs?: number;
}

type Bounds = Required<Pick<LocalDriverOptions, 'launch' | 'goneMs' | 'terminateMs' | 'upMs'>> & {
  /** The tools that impaired networks here, whose removal must succeed. */
  tools: Set<Tool>;
};

/** Returns the driver of servers that are found by their pid files. Faults last until they are healed: there is no watchdog. */
export function localDriver(options: LocalDriverOptions): Driver {
  const tools = new Set<Tool>();
  const bounds = { launch: launchDetached, goneMs: 5000, terminateMs: 10_000, upMs: 10_000, ...options, tools };
  const serverOf = (id: number): LocalServer => {
    const server = options.servers.find((each) => each.id === id);
    if (server === undefined) throw refused(`no server ${id} is configured on this machine`);
    return server;
  };
  return {
    find: async (id) => identify(serverOf(id)),
    status: async (id) => statusOf(serverOf(id)),
    inject: async (id, process, fault) => injectFault(serverOf(id), process, fault, bounds),
    heal: async (id, kind, process) => heal(serverOf(id), kind, process, bounds),
  };
}

/** Queries a server with its own certificate: any of its CA is accepted. */
async function statusOf({ id, address, tls }: LocalServer): Promise<StatusFields | null> {
  // Loaded only if TLS is used.
  const secure = tls && new (await import('../../core/transport/tls')).Secure(tls);
  const answer = await askOne(formatAddress(address.host, address.port), ASK_MS, undefined, secure ?? undefined);
  return 'status' in answer && answer.status.server_id === id ? answer.status : null;
}

/** Returns the server's process, if the pid file, the kernel and the configuration agree on it. */
async function identify(server: LocalServer): Promise<Found | null> {
  const named = readPidFile(server.pidFile);
  const info = named && (await lookAtProcess(named.pid));
  if (named === null || info === null) return null;
  const { pid, stats } = named;
  const problem = forgery(server.pidFile, stats, { pid, uid: info.uid }) ?? disagreement(server, named, info);
  if (problem !== undefined) throw refused(problem);
  const { kernelStart, uid, gid, isPaused } = info;
  return { pid, kernelStart, uid, gid, isPaused };
}

async function injectFault(
  server: LocalServer,
  process: ServerProcess,
  fault: Fault,
  bounds: Bounds,
): Promise<string | null> {
  const now = await identify(server);
  if (now === null) throw refused('it has just ended by itself');
  if (!isSame(now, process)) throw refused(`it has just been restarted, as process ${now.pid}`);
  switch (fault.kind) {
    case 'terminate':
    case 'restart':
      return terminate(now, bounds);
    case 'kill':
      await kill(now, bounds.goneMs);
      return null;
    case 'pause':
      await pause(now, bounds.goneMs);
      return null;
    default:
      await impair(server, fault, bounds.tools);
      return null;
  }
}

async function heal(
  server: LocalServer,
  kind: FaultKind,
  affected: ServerProcess,
  bounds: Bounds,
): Promise<ServerProcess> {
  if (isHealedByStart(kind)) return start(server, affected, bounds);
  if (kind === 'pause') return resumeOrStart(server, affected, bounds);
  await healNetwork(server, bounds.tools);
  const found = await identify(server);
  if (found === null) throw refused('it has ended in the meantime');
  return found;
}

/** A paused server is resumed even if its pid file is gone or invalid. */
async function resumeOrStart(server: LocalServer, affected: ServerProcess, bounds: Bounds): Promise<ServerProcess> {
  if (await resume(affected, bounds.goneMs)) return affected;
  // It ended while it was paused. Another program may have started it again already.
  const other = await identify(server).catch(nullIfRefused);
  if (other !== null) return other;
  // A graceful shutdown removes the pid file, also when its `run` is gone: it must not come back.
  if (!existsSync(server.pidFile)) throw refused('it has shut down in the meantime');
  return start(server, affected, bounds);
}

async function kill(process: ServerProcess, goneMs: number): Promise<void> {
  const { pid } = process;
  signal(process, 'SIGKILL');
  if (await untilTrue(goneMs, () => isGone(process))) return;
  throw refused(`process ${pid} was killed but still exists after ${goneMs / 1000} s`);
}

/** A server that does not shut down is killed, so that the next step finds it down. */
async function terminate(process: ServerProcess, { terminateMs, goneMs }: Bounds): Promise<string | null> {
  const { pid } = process;
  signal(process, 'SIGTERM');
  if (await untilTrue(terminateMs, () => isGone(process))) return null;
  await kill(process, goneMs);
  return `process ${pid} did not shut down within ${terminateMs / 1000} s after SIGTERM, and was killed`;
}

async function pause(process: ServerProcess, limitMs: number): Promise<void> {
  const { pid } = process;
  signal(process, 'SIGSTOP');
  if (await untilTrue(limitMs, async () => (await lookAt(process))?.isPaused === true)) return;
  signal(process, 'SIGCONT');
  throw refused(`process ${pid} did not stop within ${limitMs / 1000} s after SIGSTOP`);
}

/** @returns false if it has ended */
async function resume(process: ServerProcess, limitMs: number): Promise<boolean> {
  const { pid } = process;
  signal(process, 'SIGCONT');
  const isSettled = async (): Promise<boolean> => {
    const info = await lookAt(process);
    // A process that is exiting is not stopped either, but has no command line any more.
    return info === null || (!info.isPaused && info.words.length > 0);
  };
  if (await untilTrue(limitMs, isSettled)) return !(await isGone(process));
  throw refused(`process ${pid} is still stopped ${limitMs / 1000} s after SIGCONT`);
}

function signal({ pid, kernelStart }: ServerProcess, name: NodeJS.Signals): void {
  // It has just ended, which callers notice. Its pid may belong to another process.
  if (!isStillThere(pid, kernelStart)) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH') throw refused(`process ${pid}: ${causeOf(error)}`, error);
  }
}

async function isGone(process: ServerProcess): Promise<boolean> {
  return (await lookAt(process)) === null;
}

/** Returns null once it has ended, even if its pid is reused. */
async function lookAt({ pid, kernelStart }: ServerProcess): Promise<ProcessInfo | null> {
  const info = await lookAtProcess(pid);
  return info?.kernelStart === kernelStart ? info : null;
}

function isSame(one: ServerProcess, other: ServerProcess): boolean {
  return one.pid === other.pid && one.kernelStart === other.kernelStart;
}

async function start(server: LocalServer, owner: ServerOwner, { launch, upMs }: Bounds): Promise<ServerProcess> {
  const log = logFileOf(server);
  const logBytes = sizeOf(log);
  const child = launch(server, owner);
  let end: string | undefined;
  child.on('error', (error) => (end ??= `cannot run ${server.binary}: ${causeOf(error)}`));
  child.on('exit', (code, by) => (end ??= code === null ? `it was ended by ${by}` : `it ended with exit code ${code}`));
  let found: ServerProcess | null = null;
  await untilTrue(upMs, async () => end !== undefined || (found = await upAs(child.pid, server)) !== null);
  if (found !== null && end === undefined) return found;
  end ??= giveUp(child, `it did not listen within ${upMs / 1000} s`);
  throw refused([end, lastLine(log, logBytes)].filter((part) => part !== '').join(': '));
}

/** Kills a hanging process, which would block the next attempt. */
function giveUp(child: ChildProcess, reason: string): string {
  child.kill('SIGKILL');
  return reason;
}

/** Returns the server with this pid, once it is identified and listens. */
async function upAs(pid: number | undefined, server: LocalServer): Promise<ServerProcess | null> {
  // A pid file that is being written, or is left of an earlier process, does not count.
  const found = await identify(server).catch(nullIfRefused);
  return found !== null && found.pid === pid && (await listens(server)) ? found : null;
}

function listens({ address }: LocalServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: CONNECT_MS });
    const end = (isListening: boolean) => (): void => {
      socket.destroy();
      resolve(isListening);
    };
    socket.on('connect', end(true)).on('timeout', end(false)).on('error', end(false));
  });
}

/** Polls; false if it was not met in time. */
async function untilTrue(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) return false;
    await later(POLL_MS);
  }
  return true;
}
