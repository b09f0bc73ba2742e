import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import { parseSshTarget, type SshTarget, TARGET_SHAPE } from '../../core/ssh-target';
import { connectSsh } from '../../ssh/connect';
import { sshEnvironment } from '../../ssh/environment';
import { resolveTarget } from '../../ssh/ssh-config';
import type { Channel } from './channel';

/** Of a shell, for a program that it does not find or cannot run. */
const NOT_RUN: readonly (number | null)[] = [126, 127];

/**
 * Starts an agent on another machine: the program of its first server there.
 * @param signal ends the attempt to connect, and nothing after it: then there may be something to mend
 * @throws ClusterError `not_reachable`
 */
export async function sshChannel(host: string, servers: readonly FaultServer[], signal: AbortSignal): Promise<Channel> {
  const attempt = new AbortController();
  const giveUp = (): void => attempt.abort();
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const ssh = await connectSsh(targetOf(host), { signal: attempt.signal });
    const program = programOf(servers[0]!);
    const channel = await ssh.start([program, 'fault-agent']);
    channel.on('error', () => undefined);
    const ended = new Promise<string>((resolve) => {
      // Says how it ended. 'exit' does too, but may have come before anybody listened.
      channel.on('close', (code?: number | null, by?: string) => {
        resolve(endOf(program, code, by));
        ssh.close();
      });
    });
    return { input: channel, output: channel, errors: channel.stderr, ended, destroy: () => ssh.close() };
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Neither code nor signal: it was not the program that ended. */
function endOf(program: string, code: number | null | undefined, by: string | undefined): string {
  if (code === undefined) return 'the connection was lost';
  if (NOT_RUN.includes(code)) return `${program} cannot be run there`;
  return code === null ? `it was ended by ${by}` : `it ended with exit code ${code}`;
}

/** The name or address of a machine, as ~/.ssh/config says. */
export function hostNameOf(host: string): string {
  return resolveTarget(targetOf(host), sshEnvironment()).hostName;
}

function targetOf(host: string): SshTarget {
  const target = parseSshTarget(host);
  if (target === null) throw new ClusterError('bad_config', `${host} is no ${TARGET_SHAPE}`);
  return target;
}

/** With a slash in it, or the shell there would look for it in its PATH. */
function programOf({ workDir, command }: FaultServer): string {
  const file = path.posix.isAbsolute(command[0]!) ? command[0]! : path.posix.join(workDir, command[0]!);
  return path.posix.isAbsolute(file) ? file : `./${file}`;
}
