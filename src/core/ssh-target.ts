/** Parses and formats machines that are reached over SSH, and paths on them. */
import { printable } from './printable';

/** A machine reached over SSH, as the user names it. `host` may be an alias from ~/.ssh/config. */
export interface SshTarget {
  user?: string;
  host: string;
  port?: number;
}

/** A file or folder on another machine; a path that does not begin with / is relative to the home folder there. */
export interface RemotePlace {
  target: SshTarget;
  path: string;
}

export const TARGET_SHAPE = '[user@]host[:port]';
const PLACE_SHAPE = `a path, or ${TARGET_SHAPE}:/path on another machine`;

/**
 * None matches a leading dash, a space or anything that a terminal interprets. For a shell a user must be quoted: names
 * of Windows accounts contain `\` and `$`.
 */
const USER = /^[\p{L}\p{N}_.][\p{L}\p{N}_.+\\$-]{0,63}$/u;
const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;
const IPV6 = /^(?=.*:)[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,32})?$/;

const TARGET = /^(?:([^@]*)@)?(?:\[([^\]]*)\]|([^:[\]@]*))(?::(\d{1,5}))?$/;
const PLACE = /^((?:[^@:/]*@)?(?:\[[^\]/]*\]|[^:[\]@/]*)(?::\d{1,5}(?=:))?):(.*)$/s;
/** A Windows drive and a name with a colon are local paths; without a user, the remote path must be absolute. */
const LOOKS_REMOTE = /^(?:[^@:/\\]*@[^/\\]*:|[^@:/\\]{2,}(?::\d+)?:[/~]|\[[^/\\]*\](?::\d+)?:)/;

/** Parses `[user@]host[:port]`, with an IPv6 address in brackets; null if the text is not a target. */
export function parseSshTarget(text: string): SshTarget | null {
  const [, user, ipv6, name = '', portText] = TARGET.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (user !== undefined && !USER.test(user)) return null;
  if (ipv6 === undefined ? !HOST.test(host) : !IPV6.test(host)) return null;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return null;
  return { ...(user !== undefined && { user }), host, ...(port !== undefined && { port }) };
}

/** The inverse of `parseSshTarget`. */
export function formatSshTarget({ user, host, port }: SshTarget): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
}

/** Parses a remote place, `user@host:/path`; returns null for a local path, and a problem if it is neither. */
export function parsePlace(text: string): RemotePlace | { problem: string } | null {
  if (!LOOKS_REMOTE.test(text)) return null;
  const [, machine = '', path = ''] = PLACE.exec(text) ?? [];
  const target = parseSshTarget(machine);
  // A number alone is a port without a path.
  if (target === null || path === '' || /^\d+$|\0/.test(path)) {
    return { problem: `expected ${PLACE_SHAPE}, got "${printable(text, 200)}"` };
  }
  // SFTP has no ~; it starts in the home folder.
  return { target, path: path.replace(/^~(?:\/+|$)/, '') || '.' };
}
