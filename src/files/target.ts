/** Where what is written to a path ends up. */
import { fstatSync, lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import { causeOf } from './cause';

/** A path that means standard output. */
export const STDOUT = '/dev/stdout';

const STREAMS: Record<string, number> = { [STDOUT]: 1, '/dev/stderr': 2 };
/** What other processes have open: their links say "pipe:[123]" where there is no path, and yet they can be opened. */
const OF_PROCESSES = /^\/proc\/[^/]+\/(task\/[^/]+\/)?fd\//;
/** As many as the kernel follows. */
const MAX_LINKS = 40;

export type Target =
  /** A regular file, or none yet. `path` is where the symbolic links lead; a new file may take the place of this one. */
  | { kind: 'regular'; path: string; there: Stats | null }
  /** What is written into, because it would be gone if something took its place. */
  | { kind: 'device' | 'fifo'; path: string }
  /** A file descriptor of this process (/dev/stdout, /dev/fd/3). */
  | { kind: 'descriptor'; fd: number };

/**
 * Returns what a path that is to be written leads to, before anything is written.
 * @throws ClusterError `bad_usage` for a folder, a socket, a disk and this very program, and for a path that leads nowhere
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

/** Whether what is written to a path appears on standard output. @throws as `checkTarget` does */
export function goesToStdout(file: string): boolean {
  const target = checkTarget(file);
  return target.kind === 'descriptor' && target.fd === 1;
}

/** Whether a path leads to something that is no regular file and can be written into: no other file is made beside it. */
export function isSpecial(file: string): boolean {
  try {
    return targetOf(file).kind !== 'regular';
  } catch {
    return false;
  }
}

/** Whether two paths lead to the same file, by whatever links, hard ones too. */
export function isSameFile(one: string, other: string): boolean {
  const [place, otherPlace] = [placeOf(one), placeOf(other)];
  if (place === null || otherPlace === null) return false;
  if (place === otherPlace) return true;
  const identity = identityOf(place);
  return identity !== null && identity === identityOf(otherPlace);
}

/** Returns the real path of a regular file or of one that could be made; null: it is neither. */
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

/** What all names of a regular file have in common; null: there is none. */
function identityOf(file: string): string | null {
  try {
    const there = statSync(file);
    return there.isFile() ? `${there.dev}:${there.ino}` : null;
  } catch {
    return null;
  }
}

/** Returns the error for a path that cannot be written, and why. */
export function cannotWrite(file: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  return new ClusterError('bad_usage', `cannot write ${oneLine(file) || '""'}: ${causeOf(error)}`, { cause: error });
}

/** Follows symbolic links, also one whose target is missing. @throws Error whose cause `causeOf` tells */
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
    // Not normalized: ".." behind a link to a folder is the kernel's to resolve.
    at = path.isAbsolute(next) ? next : `${path.dirname(at)}/${next}`;
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
}

/** Undefined: nothing is there. What lies below a file is told when its folder is to be made. */
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

/** The number of a descriptor of this process that a path names, whatever is behind it; null: it names none. */
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
