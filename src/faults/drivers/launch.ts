import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { causeOf } from '../../files/cause';
import { refused } from '../refusal';
import type { LocalServer } from './local-server';
import { logFileOf } from './server-log';

/** Starts a server's process; what it says goes to `logFileOf`. */
export type Launch = (server: LocalServer) => ChildProcess;

/** Starts it in a session of its own, so that it outlives this program and a Ctrl-C in this terminal. */
export function launchDetached(server: LocalServer): ChildProcess {
  const log = openLog(logFileOf(server));
  try {
    const [program, ...args] = server.command;
    const child = spawn(program!, [...args, 'server', '--config', server.config], {
      cwd: server.workDir,
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** To append to it. @throws ClusterError `not_reachable`: without a log a server is not started */
export function openLog(file: string): number {
  try {
    return openSync(file, 'a');
  } catch (error) {
    throw refused(`cannot write ${file}: ${causeOf(error)}`, error);
  }
}
