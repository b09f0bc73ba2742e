/** Starts the process of a server again after a fault, with its output in its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ServerProcess } from '../driver';
import type { LocalServer } from './local-server';
import { openServerLog } from './server-log';

/** The user and group of a server's process. */
export type ServerOwner = Pick<ServerProcess, 'uid' | 'gid'>;

/** Starts a server's process as this user, with its output in its log (./server-log). */
export type Launch = (server: LocalServer, owner: ServerOwner) => ChildProcess;

/**
 * Starts it in its own session, so that it outlives this program and Ctrl-C in this terminal. As another user it has the
 * user and group of that one, and no supplementary groups.
 */
export function launchDetached(server: LocalServer, { uid, gid }: ServerOwner): ChildProcess {
  const isOurs = process.geteuid?.() === uid;
  const log = logFor(server, isOurs ? null : { uid, gid });
  try {
    const [program, ...args] = server.command;
    const child = spawn(program!, [...args, 'server', '--config', server.config], {
      cwd: server.workDir,
      detached: true,
      stdio: ['ignore', log, log],
      ...(!isOurs && { uid, gid }),
    });
    child.unref();
    return child;
  } finally {
    if (log !== 'ignore') closeSync(log);
  }
}

/** A server is started again after a fault even if its log can no longer be written. */
function logFor(server: LocalServer, owner: ServerOwner | null): number | 'ignore' {
  try {
    return openServerLog(server, owner);
  } catch {
    return 'ignore';
  }
}
