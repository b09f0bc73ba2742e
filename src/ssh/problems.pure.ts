/** The errors of SSH connections and SFTP, with reasons in the words of this program. */
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';

/** Returns the error of a machine, in one line that begins with its name. */
export function unreachable(name: string, why: string, cause?: unknown): ClusterError {
  return new ClusterError('not_reachable', `${name}: ${printable(why, 1500)}`, { cause });
}

/** Returns the error for a lost connection: a retry on a new one may succeed. */
export function lost(name: string): ClusterError {
  return new ClusterError('not_reachable', `${name}: the connection was lost`, { retryable: true });
}

export function interrupted(): ClusterError {
  return new ClusterError('interrupted', 'interrupted');
}

interface ReasonContext {
  host: string;
  port: number;
  timeoutMs: number;
  loginProblem: () => string;
}

const SOCKET_REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no address is known for this host',
  EAI_AGAIN: 'no address is known for this host, the name server does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the host',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'the connection was reset',
};

/** Returns the reason of a failed connection from an error of ssh2. */
export function reasonOf(error: unknown, { host, port, timeoutMs, loginProblem }: ReasonContext): string {
  const { level = '', code = '', message = '' } = error as { level?: string; code?: string; message?: string };
  const where = `${host} port ${port}`;
  if (level === 'client-authentication' || level === 'agent') return loginProblem();
  if (level === 'client-timeout') return `no answer from ${where} within ${timeoutMs / 1000} s`;
  if (level === 'client-socket') return `${where}: ${SOCKET_REASONS[code] ?? message}`;
  if (/Connection lost before handshake|No response from server/.test(message)) {
    return `${where} closed the connection before SSH began`;
  }
  // "Too many authentication failures" arrives as a disconnect.
  if (/authentication failures/i.test(message)) return `${loginProblem()}; it ended with: ${message}`;
  return `${where}: ${message}`;
}

/** Returns an SFTP error about a path in the words used for local files. */
export function sftpReason(error: unknown): string {
  const { code, message = '' } = error as { code?: number; message?: string };
  if (code === 2) return 'does not exist';
  if (code === 3) return 'permission denied';
  return printable(message === 'Failure' ? 'refused by the machine' : message, 200);
}
