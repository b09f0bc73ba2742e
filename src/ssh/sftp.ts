/** Files of another machine over SFTP: resumable downloads, atomic uploads. */
import { randomUUID } from 'node:crypto';
import { open, stat, truncate, utimes } from 'node:fs/promises';
import type { Attributes, SFTPWrapper } from 'ssh2';
import { inParallel } from '../core/concurrency';
import type { ClusterError } from '../core/errors';
import { moveInPlace } from '../files/move';
import { cannotWrite } from '../files/target';
import { sftpReason, unreachable } from './problems.pure';
import { TEMPORARY_END } from './temporary.pure';
import type { Ssh } from './ssh';

/** A file or folder on the other machine; for a link, the link itself. */
export interface RemoteEntry {
  /** As sent by the machine: untrusted, must not be used in a path or shown without a check. */
  name: string;
  kind: 'file' | 'folder' | 'other';
  sizeBytes: number;
  /** Unix seconds. */
  modifiedSecs: number;
}

const READ_BYTES = 64 * 1024;
/** The number of parallel reads of one file. */
const READS_AT_ONCE = 16;
const WRITE_BYTES = 32 * 1024;
/** The number of parallel writes, to fill a line with a long round trip. */
const WRITES_AT_ONCE = 16;
/** Limit on the entries of a folder, as a hostile machine could send them for ever. */
const MAX_ENTRIES = 200_000;
const END_OF_FILE = 1;
/** Random, so that two programs that write the same file do not collide and the name is unpredictable. */
const OWN = randomUUID();

/** All methods throw ClusterError `not_reachable` with the path; `download` also `bad_usage` for a local file. */
export class Sftp {
  constructor(
    private readonly ssh: Ssh,
    private readonly wrapper: SFTPWrapper,
  ) {
    // An invalid answer ends the session and all pending requests.
    wrapper.on('error', () => ssh.close());
  }

  /** Lists a folder, without . and .. */
  async list(folder: string): Promise<RemoteEntry[]> {
    const handle = await this.ask<Buffer>(folder, (done) => this.wrapper.opendir(folder, done));
    const entries: RemoteEntry[] = [];
    try {
      for (;;) {
        const some = await this.readEntries(folder, handle);
        if (some === null) return entries;
        entries.push(...some);
        if (entries.length > MAX_ENTRIES) throw this.failure(folder, `contains more than ${MAX_ENTRIES} files`);
      }
    } finally {
      this.wrapper.close(handle, () => undefined);
    }
  }

  /** Returns the type, size and time of a path; follows a link. */
  async stat(path: string): Promise<Omit<RemoteEntry, 'name'>> {
    return entryOf(await this.ask<Attributes>(path, (done) => this.wrapper.stat(path, done)));
  }

  /**
   * Fetches a file with the size at which it was listed; later growth is cut off. Resumes an interrupted call from
   * `<local>.<size>-<time>.part`. `onBytes` is called for every block, including what was there already.
   */
  async download(
    remote: string,
    local: string,
    { sizeBytes, modifiedSecs }: Pick<RemoteEntry, 'sizeBytes' | 'modifiedSecs'>,
    onBytes: (bytes: number) => void = () => undefined,
  ): Promise<void> {
    const part = `${local}.${sizeBytes}-${modifiedSecs}.part`;
    const file = await here(part, () => open(part, 'a'));
    try {
      const there = (await file.stat()).size;
      if (there > sizeBytes) await here(part, () => truncate(part, 0));
      const fromBytes = there > sizeBytes ? 0 : there;
      onBytes(fromBytes);
      if (fromBytes < sizeBytes) {
        const append = (block: Buffer) => here(part, () => file.appendFile(block));
        await this.fetch(remote, append, fromBytes, sizeBytes, onBytes);
      }
    } finally {
      await file.close();
    }
    await here(local, async () => {
      if ((await stat(part)).size !== sizeBytes) throw this.failure(remote, 'is incomplete');
      await utimes(part, modifiedSecs, modifiedSecs);
      await moveInPlace(part, local);
    });
  }

  /**
   * Writes a file atomically: first beside its place, then moved. The new file has this mode, independent of the old file
   * and the umask, and others cannot read it before that.
   */
  async upload(content: Uint8Array, remote: string, mode = 0o644): Promise<void> {
    const temporary = `${remote}.${OWN}${TEMPORARY_END}`;
    // Left over from an attempt whose connection was lost.
    await this.removeIfThere(temporary);
    // 'wx': a file or a link that another user creates in the meantime is refused, not followed.
    const handle = await this.ask<Buffer>(remote, (done) =>
      this.wrapper.open(temporary, 'wx', { mode: mode & 0o600 }, done),
    );
    try {
      try {
        await this.ask<void>(remote, (done) => this.wrapper.fchmod(handle, mode, done));
        await this.write(handle, content, remote);
      } finally {
        this.wrapper.close(handle, () => undefined);
      }
      await this.ask<void>(remote, (done) => this.wrapper.ext_openssh_rename(temporary, remote, done));
    } catch (error) {
      await this.removeIfThere(temporary).catch(() => undefined);
      throw error;
    }
  }

  /** Sets the mode of a file; follows a link. */
  chmod(remote: string, mode: number): Promise<void> {
    return this.ask<void>(remote, (done) => this.wrapper.chmod(remote, mode, done));
  }

  private removeIfThere(remote: string): Promise<void> {
    return this.ask<void>(remote, (done) => this.wrapper.unlink(remote, () => done(null)));
  }

  private async write(handle: Buffer, content: Uint8Array, remote: string): Promise<void> {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const blocks = Array.from({ length: Math.ceil(bytes.length / WRITE_BYTES) }, (_, index) => index * WRITE_BYTES);
    await inParallel(blocks, WRITES_AT_ONCE, (at) => {
      const length = Math.min(WRITE_BYTES, bytes.length - at);
      return this.ask<void>(remote, (done) => this.wrapper.write(handle, bytes, at, length, at, done));
    });
  }

  private async fetch(
    remote: string,
    append: (block: Buffer) => Promise<void>,
    fromBytes: number,
    toBytes: number,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const handle = await this.ask<Buffer>(remote, (done) => this.wrapper.open(remote, 'r', done));
    const blocks: Promise<Buffer>[] = [];
    let askedBytes = fromBytes;
    try {
      for (let at = fromBytes; at < toBytes;) {
        for (; askedBytes < toBytes && blocks.length < READS_AT_ONCE; askedBytes += READ_BYTES) {
          const block = this.read(remote, handle, askedBytes, Math.min(READ_BYTES, toBytes - askedBytes));
          // Prevents unhandled rejections of later reads when an earlier one fails.
          block.catch(() => undefined);
          blocks.push(block);
        }
        // Written in order: the file is always a prefix, which a later call can resume.
        const block = await blocks.shift()!;
        await append(block);
        at += block.length;
        onBytes(block.length);
      }
    } finally {
      this.wrapper.close(handle, () => undefined);
    }
  }

  /** Reads exactly this many bytes. */
  private async read(remote: string, handle: Buffer, at: number, length: number): Promise<Buffer> {
    const block = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length;) {
      const some = await this.ask<number>(remote, (done) =>
        this.wrapper.read(handle, block, filled, length - filled, at + filled, done),
      );
      if (some === 0) throw this.failure(remote, 'became shorter while it was read');
      filled += some;
    }
    return block;
  }

  private readEntries(folder: string, handle: Buffer): Promise<RemoteEntry[] | null> {
    return this.ask(folder, (done) =>
      this.wrapper.readdir(handle, (error, list) => {
        if ((error as { code?: number } | undefined)?.code === END_OF_FILE) return done(undefined, null);
        if (error) return done(error, null);
        const entries = list.map(({ filename, attrs }) => ({ name: filename, ...entryOf(attrs) }));
        done(
          undefined,
          entries.filter(({ name }) => name !== '.' && name !== '..'),
        );
      }),
    );
  }

  private ask<T>(
    path: string,
    request: (done: (error: Error | null | undefined, value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.ssh.isLost) return reject(this.ssh.failure());
      request((error, value) => {
        if (!error) resolve(value);
        else if (error.message === 'No response from server' || this.ssh.isLost) reject(this.ssh.failure());
        else reject(this.failure(path, sftpReason(error)));
      });
    });
  }

  private failure(path: string, why: string): ClusterError {
    return unreachable(this.ssh.name, `${path} ${why}`);
  }
}

const KIND_BITS = 0o170000;

function entryOf({ mode, size, mtime }: Attributes): Omit<RemoteEntry, 'name'> {
  const bits = mode & KIND_BITS;
  // A size beyond the safe integers cannot be a valid file.
  const isFile = bits === 0o100000 && Number.isSafeInteger(size) && size >= 0;
  return { kind: isFile ? 'file' : bits === 0o040000 ? 'folder' : 'other', sizeBytes: size, modifiedSecs: mtime };
}

/** Runs an operation on a local file. */
async function here<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
