/** Resolves a path to what a write to it reaches: a file, a device, a FIFO, or a descriptor of this process. */
import { fstatSync, lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import { causeOf } from './cause';

/** A path that means standard output. */
const STDOUT = '/dev/stdout';

/** Returns the path that an output of a command line means: `-` is standard output. */
export function outputPath(given: string): string {
  return given === '-' ? STDOUT : given;
}

const STREAMS: Record<string, number> = { [STDOUT]: 1, '/dev/stderr': 2 };
/** Descriptors of other processes: their links read "pipe:[123]" without a path, but can be opened. */
const OF_PROCESSES = /^\/proc\/[^/]+\/(task\/[^/]+\/)?fd\//;
/** The limit of the kernel. */
const MAX_LINKS = 40;

export type Target =
  /** A regular file, or none yet. `path` is the end of the symbolic links; a new file may replace it. */
  | { kind: 'regular'; path: string; there: Stats | null }
  /** A device or FIFO, which is written into and never replaced. */
  | { kind: 'device' | 'fifo'; path: string }
  /** A file descriptor of this process (/dev/stdout, /dev/fd/3). */
  | { kind: 'descriptor'; fd: number };

/**
 * Resolves a path before anything is written to it.
 * @throws ClusterError `bad_usage` for a folder, socket, disk, the running program, or a path that cannot be created
 */
export function checkTarget(file: string): Target {
  try {
    const target = targetOf(file);
    if (
      target.kind === 'regular' &&
      identityOf(target.path) === identityOf(process.execPath) &&
      target.there !== null
    ) {
      throw new Error('is the program that is running');
    }
    return target;
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/** True if a path leads to standard output. @throws as `checkTarget` does */
export function goesToStdout(file: string): boolean {
  const target = checkTarget(file);
  return target.kind === 'descriptor' && target.fd === 1;
}

/** True for a device, FIFO or descriptor: no other files are created beside it. */
export function isSpecial(file: string): boolean {
  try {
    return targetOf(file).kind !== 'regular';
  } catch {
    return false;
  }
}

/** True if what is written to two paths ends in the same file, there or not yet, also through links, hard ones included. */
export function isSamePlace(one: string, other: string): boolean {
  const [place, otherPlace] = [placeOf(one), placeOf(other)];
  if (place === null || otherPlace === null) return false;
  if (place === otherPlace) return true;
  const identity = identityOf(place);
  return identity !== null && identity === identityOf(otherPlace);
}

/** Returns the real path of a regular file or of one that can be created; null if it is neither. */
export function placeOf(file: string): string | null {
  try {
    const target = targetOf(file);
    if (target.kind !== 'regular') return null;
    return path.join(realFolder(path.dirname(target.path)), path.basename(target.path));
  } catch {
    return null;
  }
}

/** Folders that are not there yet keep their names. */
function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch (error) {
    const above = path.dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    return path.join(realFolder(above), path.basename(folder));
  }
}

/** A file, and what to call it in an error: `the configuration`, `server.pid_file`. */
export interface NamedFile {
  path: string;
  name: string;
}

/** Keeps what is read from being overwritten by what is written. @throws ClusterError `bad_usage` that names both */
export function refuseOverwriting(outputs: readonly string[], inputs: readonly NamedFile[]): void {
  const names = new Map(inputs.map(({ path: file, name }) => [identityOf(file), name]));
  names.delete(null);
  for (const out of outputs) {
    const name = names.get(identityOf(out));
    if (name === undefined) continue;
    throw new ClusterError('bad_usage', `${oneLine(out)} is ${name} itself and would be overwritten`);
  }
}

/** Returns an identity that all names of a regular file share; null if there is no such file. */
function identityOf(file: string): string | null {
  try {
    const there = statSync(file);
    return there.isFile() ? `${there.dev}:${there.ino}` : null;
  } catch {
    return null;
  }
}

/** Returns the error for a path that cannot be written, with the reason. */
export function cannotWrite(file: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  return new ClusterError('bad_usage', `cannot write ${oneLine(file) || '""'}: ${causeOf(error)}`, { cause: error });
}

/** Follows symbolic links, also dangling ones. @throws Error that `causeOf` explains */
export function targetOf(file: string): Target {
  let at = file;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const fd = descriptorOf(at);
    if (fd !== null) return { kind: 'descriptor', fd };
    const there = lookAt(at);
    if (!there?.isSymbolicLink()) return kindOf(at, there);
    const behind = OF_PROCESSES.test(at) ? statSync(at, { throwIfNoEntry: false }) : undefined;
    if (behind?.isFile() === false) return kindOf(at, behind);
    const next = readlinkSync(at);
    // Not normalized: the kernel must resolve ".." after a link to a folder.
    at = path.isAbsolute(next) ? next : `${path.dirname(at)}/${next}`;
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
}

/** Returns undefined if it is missing. A path below a file is reported when its folder is created. */
function lookAt(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function kindOf(file: string, there: Stats | undefined): Target {
  if (there === undefined) {
    if (file === '') throw new Error('the path is empty');
    if (file.endsWith('/')) throw new Error('expected a file, got the name of a folder');
    return { kind: 'regular', path: file, there: null };
  }
  if (there.isFile()) return { kind: 'regular', path: file, there };
  if (there.isFIFO()) return { kind: 'fifo', path: file };
  if (there.isCharacterDevice()) return { kind: 'device', path: file };
  throw new Error(`is a ${there.isDirectory() ? 'folder' : there.isSocket() ? 'socket' : 'disk'}, expected a file`);
}

/** Returns the number of the descriptor of this process that a path names; null if it names none. */
function descriptorOf(file: string): number | null {
  const stream = STREAMS[file];
  if (stream !== undefined) return stream;
  const name = path.basename(file);
  if (!/^\d{1,9}$/.test(name) || !isOfDescriptors(path.dirname(file))) return null;
  const there = fstatSync(Number(name));
  if (there.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
  return Number(name);
}

function isOfDescriptors(folder: string): boolean {
  try {
    return [`/proc/${process.pid}/fd`, '/dev/fd'].includes(realpathSync.native(folder));
  } catch {
    return false;
  }
}
