import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import type { FaultServer } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import { causeOf } from '../../files/cause';
import type { Driver, ServerProcess } from '../driver';
import { type Launch, launchDetached } from './launch';
import { disagreement, readPidFile, refused, START_TOLERANCE_MS } from './pid-file';
import { lookAtProcess } from './process-info';
import { lastLine, logFileOf, sizeOf } from './server-log';

const POLL_MS = 25;
const CONNECT_MS = 1000;

export interface LocalDriverOptions {
  /** How servers are started; default: so that they outlive this program. */
  launch?: Launch;
  /** How long a killed process may take to go. */
  goneMs?: number;
  /** How long a started one may take to listen. */
  upMs?: number;
}

/** Servers of this machine, found by their pid files. */
export function localDriver({
  launch = launchDetached,
  goneMs = 5000,
  upMs = 10_000,
}: LocalDriverOptions = {}): Driver {
  return {
    find: identify,
    async kill(server, { pid, startMs }) {
      const now = await identify(server);
      if (now === null) throw refused('it ended by itself just now');
      if (now.pid !== pid) throw refused(`it was restarted just now, as process ${now.pid}`);
      signal(pid);
      if (!(await untilTrue(goneMs, () => isGone(pid, startMs)))) {
        throw refused(`process ${pid} was killed but is there after ${goneMs / 1000} s`);
      }
    },
    start: (server) => start(server, launch, upMs),
  };
}

/** The server's process, if the pid file, the kernel and the configuration agree on it. */
async function identify(server: FaultServer): Promise<ServerProcess | null> {
  const named = readPidFile(server.pidFile);
  const info = named && (await lookAtProcess(named.pid));
  if (named === null || info === null) return null;
  const problem = disagreement(server, named, info);
  if (problem !== undefined) throw refused(problem);
  return { pid: named.pid, startMs: info.startMs };
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It has just ended: that is what was wanted.
    if (code !== 'ESRCH') throw refused(`process ${pid}: ${causeOf(error)}`, error);
  }
}

/** Its number may be another process's by now. */
async function isGone(pid: number, startMs: number): Promise<boolean> {
  const info = await lookAtProcess(pid);
  return info === null || Math.abs(info.startMs - startMs) > START_TOLERANCE_MS;
}

async function start(server: FaultServer, launch: Launch, upMs: number): Promise<ServerProcess> {
  const log = logFileOf(server);
  const logBytes = sizeOf(log);
  const child = launch(server);
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
async function upAs(pid: number | undefined, server: FaultServer): Promise<ServerProcess | null> {
  // A pid file that is being written, or that a former life left, is none yet.
  const found = await identify(server).catch(nullIfRefused);
  return found !== null && found.pid === pid && (await listens(server)) ? found : null;
}

function nullIfRefused(error: unknown): null {
  if (error instanceof ClusterError) return null;
  throw error;
}

function listens({ address }: FaultServer): Promise<boolean> {
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
