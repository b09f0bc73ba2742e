/** The user whose SSH keys and files are used. */
import { homedir, userInfo } from 'node:os';

export interface SshEnvironment {
  /** The parent of .ssh; from HOME, unlike OpenSSH, which uses /etc/passwd. */
  home: string;
  /** The default user name. */
  user: string;
  /** The socket of ssh-agent. */
  agentSocket?: string;
}

/** Returns the values of the process's environment. */
export function sshEnvironment(env: NodeJS.ProcessEnv = process.env): SshEnvironment {
  return { home: env['HOME'] || homedir(), user: userName(env), agentSocket: env['SSH_AUTH_SOCK'] || undefined };
}

function userName(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in /etc/passwd, as in containers.
    return env['USER'] || env['LOGNAME'] || 'root';
  }
}
