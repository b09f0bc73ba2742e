import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { askOne } from '../../core/ask-status';
import { type FaultKind, isMendedByStart } from '../../core/fault-kinds';
import type { StatusFields } from '../../core/protocol';
import { formatAddress } from '../../core/transport/address';
import { causeOf } from '../../files/cause';
import type { Driver, Fault, Found, ServerProcess } from '../driver';
import { nullIfRefused, refused } from '../refusal';
import { type Launch, launchDetached, type ServerOwner } from './launch';
import type { LocalServer } from './local-server';
import { healNetwork, impair } from './network/network';
import type { Tool } from './network/tools';
import { forgery } from './ownership';
import { disagreement, readPidFile } from './pid-file';
import { isStillThere, lookAtProcess, type ProcessInfo } from './process-info';
import { lastLine, logFileOf, sizeOf } from './server-log';

const POLL_MS = 25;
const CONNECT_MS = 1000;
const ASK_MS = 1000;

export interface LocalDriverOptions {
  servers: readonly LocalServer[];
  /** How servers are started; default: so that they outlive this program. */
  launch?: Launch;
  /** How long a signal may take to have its effect. */
  goneMs?: number;
  /** How long a server that was asked to leave may take: it finishes running tasks. */
  leaveMs?: number;
  /** How long a started one may take to listen. */
  upMs?: number;
}

type Bounds = Required<Pick<LocalDriverOptions, 'launch' | 'goneMs' | 'leaveMs' | 'upMs'>> & {
  /** By which networks were impaired here, and must be healed. */
  tools: Set<Tool>;
};

/** Servers of this machine, found by their pid files. Faults last until they are mended: nobody watches over them. */
export function localDriver(options: LocalDriverOptions): Driver {
  const tools = new Set<Tool>();
  const bounds = { launch: launchDetached, goneMs: 5000, leaveMs: 10_000, upMs: 10_000, ...options, tools };
  const serverOf = (id: number): LocalServer => {
    const server = options.servers.find((each) => each.id === id);
    if (server === undefined) throw refused(`there is no server ${id} here`);
    return server;
  };
  return {
    find: async (id) => identify(serverOf(id)),
    status: async (id) => statusOf(serverOf(id)),
    break: async (id, process, fault) => breakServer(serverOf(id), process, fault, bounds),
    mend: async (id, kind, process) => mend(serverOf(id), kind, process, bounds),
  };
}

/** Asked with its own certificate: any of its CA will do. */
async function statusOf({ id, address, tls }: LocalServer): Promise<StatusFields | null> {
  // Loaded only where there is TLS.
  const secure = tls && new (await import('../../core/transport/tls')).Secure(tls);
  const answer = await askOne(formatAddress(address.host, address.port), ASK_MS, undefined, secure ?? undefined);
  return 'status' in answer && answer.status.server_id === id ? answer.status : null;
}

/** The server's process, if the pid file, the kernel and the configuration agree on it. */
async function identify(server: LocalServer): Promise<Found | null> {
  const named = readPidFile(server.pidFile);
  const info = named && (await lookAtProcess(named.pid));
  if (named === null || info === null) return null;
  const { pid, stats } = named;
  const problem = forgery(server.pidFile, stats, { pid, uid: info.uid }) ?? disagreement(server, named, info);
  if (problem !== undefined) throw refused(problem);
  const { kernelStart, uid, gid, isStopped } = info;
  return { pid, kernelStart, uid, gid, isStopped };
}

async function breakServer(
  server: LocalServer,
  process: ServerProcess,
  fault: Fault,
  bounds: Bounds,
): Promise<string | null> {
  const now = await identify(server);
  if (now === null) throw refused('it ended by itself just now');
  if (!isSame(now, process)) throw refused(`it was restarted just now, as process ${now.pid}`);
  switch (fault.kind) {
    case 'terminate':
    case 'restart':
      return leave(now, bounds);
    case 'kill':
      await end(now, bounds.goneMs);
      return null;
    case 'pause':
      await stop(now, bounds.goneMs);
      return null;
    default:
      await impair(server, fault, bounds.tools);
      return null;
  }
}

async function mend(
  server: LocalServer,
  kind: FaultKind,
  broken: ServerProcess,
  bounds: Bounds,
): Promise<ServerProcess> {
  if (isMendedByStart(kind)) return start(server, broken, bounds);
  if (kind === 'pause') return resumeOrStart(server, broken, bounds);
  await healNetwork(server, bounds.tools);
  const found = await identify(server);
  if (found === null) throw refused('it has ended meanwhile');
  return found;
}

/** A pid file may be gone or wrong by now; a process that was stopped by us is let go on all the same. */
async function resumeOrStart(server: LocalServer, broken: ServerProcess, bounds: Bounds): Promise<ServerProcess> {
  if (await resume(broken, bounds.goneMs)) return broken;
  // It ended while it was stopped. Somebody may have started it again already.
  const other = await identify(server).catch(nullIfRefused);
  if (other !== null) return other;
  // Whoever leaves in order takes the pid file along, as a server of a `run` that is gone: nobody wants it back.
  if (!existsSync(server.pidFile)) throw refused('it has left meanwhile');
  return start(server, broken, bounds);
}

async function end(process: ServerProcess, goneMs: number): Promise<void> {
  const { pid } = process;
  signal(process, 'SIGKILL');
  if (await untilTrue(goneMs, () => isGone(process))) return;
  throw refused(`process ${pid} was killed but is there after ${goneMs / 1000} s`);
}

/** One that does not leave is killed, so that what comes next finds a server that is down. */
async function leave(process: ServerProcess, { leaveMs, goneMs }: Bounds): Promise<string | null> {
  const { pid } = process;
  signal(process, 'SIGTERM');
  if (await untilTrue(leaveMs, () => isGone(process))) return null;
  await end(process, goneMs);
  return `process ${pid} did not leave within ${leaveMs / 1000} s after SIGTERM, and was killed`;
}

async function stop(process: ServerProcess, limitMs: number): Promise<void> {
  const { pid } = process;
  signal(process, 'SIGSTOP');
  if (await untilTrue(limitMs, async () => (await lookAt(process))?.isStopped === true)) return;
  signal(process, 'SIGCONT');
  throw refused(`process ${pid} did not stop within ${limitMs / 1000} s after SIGSTOP`);
}

/** @returns false when it has ended */
async function resume(process: ServerProcess, limitMs: number): Promise<boolean> {
  const { pid } = process;
  signal(process, 'SIGCONT');
  if (await untilTrue(limitMs, async () => (await lookAt(process))?.isStopped !== true))
    return !(await isGone(process));
  throw refused(`process ${pid} is still stopped ${limitMs / 1000} s after SIGCONT`);
}

function signal({ pid, kernelStart }: ServerProcess, name: NodeJS.Signals): void {
  // It has just ended: whoever waits for that sees it, and whoever does not says so. Its number may be another one's.
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

/** Null once it has ended, even if its number is another process's by now. */
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

/** A process that hangs would be in the way of the next attempt. */
function giveUp(child: ChildProcess, reason: string): string {
  child.kill('SIGKILL');
  return reason;
}

/** The server with this process number, once it is identified and listens. */
async function upAs(pid: number | undefined, server: LocalServer): Promise<ServerProcess | null> {
  // A pid file that is being written, or that a former life left, is none yet.
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

/** Asks again and again; false when it was not so in time. */
async function untilTrue(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) return false;
    await later(POLL_MS);
  }
  return true;
}
