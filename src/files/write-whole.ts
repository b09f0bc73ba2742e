/** Writes files atomically, and all together. */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import { creationError, makeFolder } from './folders';
import { writeStream } from './write-stream';
import { cannotWrite, checkTarget, placeOf, type Target } from './target';

export interface NewFile {
  path: string;
  content: string | Uint8Array | readonly Uint8Array[];
}

/** File systems allow 255 bytes; the rest is for the dots, the random part and the suffix. */
const MAX_NAME_BYTES = 200;
const PERMISSIONS = 0o777;

/** Files that are written but not moved to their place: removed at the end of the process. */
const unfinished = new Set<string>();
let isWatching = false;

/** Writes one file, like `writeAll`. @throws ClusterError `bad_usage` naming a file that cannot be written */
export function writeWhole(file: string, content: NewFile['content'], signal?: AbortSignal): Promise<void> {
  return writeAll([{ path: file, content }], signal);
}

/**
 * Writes all files, with the folders they need. Each is first written beside its place, and moved only when all are on
 * disk, so that a full disk leaves nothing behind. Symbolic links stay, and their targets are replaced. An existing
 * device or FIFO (also /dev/stdout) is written into.
 * Once `signal` is aborted, it no longer waits for the reader of a FIFO.
 * @throws ClusterError `bad_usage` naming the file and the reason; `interrupted`
 */
export async function writeAll(files: readonly NewFile[], signal?: AbortSignal): Promise<void> {
  const prepared: PreparedFile[] = [];
  try {
    for (const file of files) {
      const next = await PreparedFile.prepare(file.path, file.content);
      prepared.push(next);
      refuseClash(next, prepared);
    }
    // A rename hardly ever fails, so everything that may fail comes first.
    const [renamed, poured] = [prepared.filter(isRenamed), prepared.filter((file) => !isRenamed(file))];
    for (const file of [...poured, ...renamed]) await file.commit(signal);
  } finally {
    for (const file of prepared) file.discard();
  }
}

/** A file whose content is on disk beside its place; the old file is still there. */
export class PreparedFile {
  private constructor(
    readonly path: string,
    readonly target: Target,
    readonly chunks: readonly Uint8Array[],
    private readonly temporary: string | null,
  ) {}

  /**
   * Keeps the permissions of the existing file, unless `isNew`: then those of this process apply.
   * @throws ClusterError `bad_usage` naming a file that cannot be written; then nothing is left
   */
  static async prepare(file: string, content: NewFile['content'], isNew = false): Promise<PreparedFile> {
    const target = checkTarget(file);
    const chunks = typeof content === 'string' ? [Buffer.from(content)] : 'byteLength' in content ? [content] : content;
    if (target.kind !== 'regular') return new PreparedFile(file, target, chunks, null);
    try {
      const folder = path.dirname(target.path);
      makeFolder(folder);
      return new PreparedFile(
        file,
        target,
        chunks,
        await writeBeside(target.path, chunks, isNew ? null : target.there),
      );
    } catch (error) {
      throw cannotWrite(file, error);
    }
  }

  /** Moves it to its place. @throws ClusterError `bad_usage` naming the file; `interrupted`, as `writeStream` does */
  async commit(signal?: AbortSignal): Promise<void> {
    const { target, temporary } = this;
    try {
      if (target.kind !== 'regular') return await writeStream(target, this.chunks, signal);
      // Synchronous, so that a pid file exists as soon as its server listens.
      renameSync(temporary!, target.path);
      unfinished.delete(temporary!);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  /** Removes what was not committed. */
  discard(): void {
    if (this.temporary !== null) remove(this.temporary);
  }
}

function isRenamed({ target }: PreparedFile): boolean {
  return target.kind === 'regular';
}

/** Refuses two names of one file with different contents: one of them would be lost silently. */
function refuseClash(file: PreparedFile, all: readonly PreparedFile[]): void {
  const place = isRenamed(file) ? placeOf(file.path) : null;
  if (place === null) return;
  const twin = all.find((other) => other !== file && isRenamed(other) && placeOf(other.path) === place);
  if (twin === undefined || Buffer.concat(twin.chunks).equals(Buffer.concat(file.chunks))) return;
  const text = `${oneLine(twin.path)} and ${oneLine(file.path)} are the same file`;
  throw new ClusterError('bad_usage', `cannot write ${oneLine(file.path)}: ${text}`);
}

/** Returns the path written. The name is random and must be free, so that no one can place a link there. */
async function writeBeside(file: string, chunks: readonly Uint8Array[], there: Stats | null): Promise<string> {
  const name = Buffer.from(path.basename(file))
    .subarray(0, MAX_NAME_BYTES)
    .toString()
    .replace(/\ufffd+$/, '');
  const temporary = `${path.dirname(file)}/.${name}.${randomBytes(6).toString('hex')}.tmp`;
  // Tracked before it exists: a signal may end this process as soon as it does.
  track(temporary);
  // No one else may read it before it has the permissions of the file that it replaces.
  const handle = await open(temporary, 'wx', there === null ? 0o666 : 0o600).catch((error: unknown) => {
    unfinished.delete(temporary);
    throw creationError(file, error);
  });
  try {
    for (const chunk of chunks) await handle.writeFile(chunk);
    if (there !== null) await takeAfter(handle, there);
    await handle.sync();
  } catch (error) {
    remove(temporary);
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Sets the owner too, if root replaces the file of another user. */
async function takeAfter(handle: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  // Root in a container may not be allowed to.
  if (process.geteuid?.() === 0) await handle.chown(uid, gid).catch(() => undefined);
  await handle.chmod(mode & PERMISSIONS);
}

function track(temporary: string): void {
  if (!isWatching) process.once('exit', () => unfinished.forEach(remove));
  isWatching = true;
  unfinished.add(temporary);
}

function remove(temporary: string): void {
  if (!unfinished.delete(temporary)) return;
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The file system may be read-only or gone.
  }
}
