/** Starts a fault agent on another machine over SSH. */
import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import { parseSshTarget, type SshTarget, TARGET_SHAPE } from '../../core/ssh-target';
import { connectSsh } from '../../ssh/connect';
import { sshEnvironment } from '../../ssh/ssh-environment';
import { resolveTarget } from '../../ssh/ssh-config';
import type { Channel } from './channel';

/** A shell's exit codes for a program that it does not find or cannot run. */
const NOT_RUN: readonly (number | null)[] = [126, 127];

/**
 * Starts an agent on another machine with the program of the first server there.
 * @param signal cancels the attempt to connect only: after that, faults may have to be healed
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
      // 'close' has the exit code. So has 'exit', but it may fire before there is a listener.
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

/** Without a code or a signal, the connection ended and not the program. */
function endOf(program: string, code: number | null | undefined, by: string | undefined): string {
  if (code === undefined) return 'the connection was lost';
  if (NOT_RUN.includes(code)) return `${program} cannot be run on that machine`;
  return code === null ? `it was ended by ${by}` : `it ended with exit code ${code}`;
}

/** Returns the name or address of a machine from ~/.ssh/config. */
export function hostNameOf(host: string): string {
  return resolveTarget(targetOf(host), sshEnvironment()).hostName;
}

function targetOf(host: string): SshTarget {
  const target = parseSshTarget(host);
  if (target === null) throw new ClusterError('bad_config', `expected ${TARGET_SHAPE}, got ${host}`);
  return target;
}

/** Adds a slash if there is none, or the remote shell would search its PATH. */
function programOf({ workDir, command }: FaultServer): string {
  const file = path.posix.isAbsolute(command[0]!) ? command[0]! : path.posix.join(workDir, command[0]!);
  return path.posix.isAbsolute(file) ? file : `./${file}`;
}
