/** The log of a server that was started here, where other users may have placed a file or a link. */
import {
  accessSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { oneLine } from '../../core/printable';
import { causeOf } from '../../files/cause';
import { deadLink } from '../../files/folders';
import type { ServerProcess } from '../driver';
import { isOwnGround, ownUserId, showAccess, userName } from './ownership';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, W_OK } = constants;
const MAX_TAIL_BYTES = 4096;
const MAX_SHOWN_CHARS = 300;

type Place = Pick<FaultServer, 'workDir' | 'id'>;

/** Returns the log with stdout and stderr of a server that was started here. */
export function logFileOf({ workDir, id }: Place): string {
  return path.join(workDir, `server_${id}.log`);
}

/**
 * Opens a server's log for appending; a new file gets `owner`.
 * @throws Error, also if it leads out of a folder that others can change
 */
export function openServerLog(server: Place, owner: Pick<ServerProcess, 'uid' | 'gid'> | null): number {
  const file = logFileOf(server);
  try {
    // Never through a link: whoever made it would choose the place of the new file.
    const fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o644);
    if (owner !== null) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return openInFolder(file, O_WRONLY | O_APPEND);
}

/** Appends a line to a server's log. @throws Error as `openServerLog` does */
export function appendToLog(server: Place, line: string): void {
  const fd = openServerLog(server, null);
  try {
    writeSync(fd, `${line}\n`);
  } finally {
    closeSync(fd);
  }
}

/** Returns why a server's log, existing or not, cannot be appended to; undefined if it can. */
export function whyNoLog(server: Place): string | undefined {
  const file = logFileOf(server);
  try {
    if (lstatSync(file, { throwIfNoEntry: false })) closeSync(openInFolder(file, O_WRONLY | O_APPEND));
    else accessSync(path.dirname(file), W_OK);
    return undefined;
  } catch (error) {
    const isDenied = (error as NodeJS.ErrnoException).code === 'EACCES';
    return `${causeOf(error)}${isDenied ? whoseIs(file) : ''}`;
  }
}

/** Returns the owner of a file that this user may not write, or of its folder; empty if unknown. */
function whoseIs(file: string): string {
  const link = deadLink(file);
  if (link !== undefined) return `: ${link}`;
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats) return `: it belongs to ${showAccess(stats)}`;
    return `: its folder belongs to ${showAccess(statSync(path.dirname(file)))}`;
  } catch {
    return '';
  }
}

/** Returns the last line written to a file after its first `from` bytes; empty if there is none. */
export function lastLine(file: string, fromBytes: number): string {
  let fd: number;
  try {
    fd = openInFolder(file, O_RDONLY);
  } catch {
    return '';
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return '';
    const from = Math.max(fromBytes <= stats.size ? fromBytes : 0, stats.size - MAX_TAIL_BYTES);
    if (stats.size <= from) return '';
    const tail = Buffer.alloc(stats.size - from);
    const text = tail.toString('utf8', 0, readSync(fd, tail, 0, tail.length, from));
    return oneLine(text.trimEnd().split('\n').at(-1)!).slice(0, MAX_SHOWN_CHARS);
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens an existing file without waiting for a pipe. In a folder that others can change it must belong to this user or to
 * the folder's owner, and have no other name: a link could lead to any file that this user may write.
 */
function openInFolder(file: string, flags: number): number {
  const folder = path.dirname(file);
  // In such a folder a link is the user's own, even if it dangles.
  if (isOwnGround(folder)) return openSync(file, flags | O_NONBLOCK | (flags & O_WRONLY && O_CREAT));
  const fd = openNoLink(file, flags);
  const problem = strangeness(fstatSync(fd), statSync(folder));
  if (problem === undefined) return fd;
  closeSync(fd);
  throw new Error(problem);
}

function openNoLink(file: string, flags: number): number {
  try {
    return openSync(file, flags | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new Error('it is a symbolic link, expected a regular file', { cause: error });
  }
}

/** Returns why a file is not a regular one of this user or the folder's owner; undefined if it is. */
function strangeness(stats: Stats, folder: Stats): string | undefined {
  if (!stats.isFile()) return 'it is not a regular file';
  if (stats.nlink !== 1) return `it has ${stats.nlink} names (hard links), expected one`;
  const owners = [...new Set([ownUserId(), folder.uid])];
  if (owners.includes(stats.uid)) return undefined;
  return `it belongs to ${showAccess(stats)}, expected a file of ${owners.map(userName).join(' or ')}`;
}
