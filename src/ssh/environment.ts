import { homedir, userInfo } from 'node:os';

/** Whose keys and files are used. */
export interface SshEnvironment {
  /** Holds .ssh; from HOME, where OpenSSH takes the one of /etc/passwd. */
  home: string;
  /** The user name there where none is given. */
  user: string;
  /** Where ssh-agent listens. */
  agentSocket?: string;
}

/** What the process's environment says. */
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
