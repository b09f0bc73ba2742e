import {
  accessSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { oneLine } from '../../core/printable';
import type { ServerProcess } from '../driver';
import { isOwnGround, ownUserId } from './ownership';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, W_OK } = constants;
const MAX_TAIL_BYTES = 4096;
const MAX_SHOWN_CHARS = 300;

type Place = Pick<FaultServer, 'workDir' | 'id'>;

/** What a server that was started here says on stdout and stderr. */
export function logFileOf({ workDir, id }: Place): string {
  return path.join(workDir, `server_${id}.log`);
}

/**
 * Opens a server's log to append to it; a new one becomes that of `owner`.
 * @throws Error also when it leads out of a folder that others may change
 */
export function openServerLog(server: Place, owner: Pick<ServerProcess, 'uid' | 'gid'> | null): number {
  const file = logFileOf(server);
  try {
    // Never through a link: whoever put that there would choose the place of the new file.
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

/** Whether a server's log, which is there or not yet, could be opened. */
export function mayAppendToLog(server: Place): boolean {
  const file = logFileOf(server);
  try {
    if (lstatSync(file, { throwIfNoEntry: false })) closeSync(openInFolder(file, O_WRONLY | O_APPEND));
    else accessSync(path.dirname(file), W_OK);
    return true;
  } catch {
    return false;
  }
}

/** 0 for a file that is not there. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last line that was written to a file since it had so many bytes; empty if there is none. */
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
 * Opens a file that is there, never waiting for a pipe. In a folder that others may change it must be a file of this
 * user or of the folder's, under no other name: a link could lead to anything that this user may write.
 */
function openInFolder(file: string, flags: number): number {
  const folder = path.dirname(file);
  // There a link is one of its user's own, even if nothing is behind it yet.
  if (isOwnGround(folder)) return openSync(file, flags | O_NONBLOCK | (flags & O_WRONLY && O_CREAT));
  const fd = openSync(file, flags | O_NONBLOCK | O_NOFOLLOW);
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.nlink === 1 && [ownUserId(), statSync(folder).uid].includes(stats.uid)) return fd;
  closeSync(fd);
  throw new Error(`${oneLine(file)} is no file of ${oneLine(folder)}`);
}
