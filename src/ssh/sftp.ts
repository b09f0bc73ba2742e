import { randomUUID } from 'node:crypto';
import { open, stat, truncate, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Attributes, SFTPWrapper } from 'ssh2';
import type { ClusterError } from '../core/errors';
import { moveInPlace } from '../files/move';
import { cannotWrite } from '../files/target';
import { inParallel } from './in-parallel';
import { sftpReason, unreachable } from './problems';
import type { Ssh } from './ssh';

/** A file or folder of the other machine. Of a link it is the link itself. */
export interface RemoteEntry {
  /** As the machine gave it: text of others, not to be used in a path or shown without a check. */
  name: string;
  kind: 'file' | 'folder' | 'other';
  sizeBytes: number;
  /** Unix seconds. */
  modifiedSecs: number;
}

const READ_BYTES = 64 * 1024;
/** Reads of one file that are under way at once. */
const READS_AT_ONCE = 16;
const WRITE_BYTES = 32 * 1024;
/** As far as a machine is away, a line is not left empty. */
const WRITES_AT_ONCE = 16;
/** A folder with more makes no sense here, and a hostile machine could go on for ever. */
const MAX_ENTRIES = 200_000;
const END_OF_FILE = 1;
/** Of the files that are being written; those of a program that was killed may be taken away. */
export const TEMPORARY_END = '.cloudp2p.tmp';
/** Two programs that write the same file do not meet, and nobody knows the name beforehand. */
const OWN = randomUUID();

/** Files over SFTP. Paths are the other machine's. All methods throw ClusterError `not_reachable`, with the path. */
export class Sftp {
  constructor(
    private readonly ssh: Ssh,
    private readonly wrapper: SFTPWrapper,
  ) {
    // An answer that makes no sense ends the session, and with it what waits.
    wrapper.on('error', () => ssh.close());
  }

  /** What is in a folder, without . and .. */
  async list(folder: string): Promise<RemoteEntry[]> {
    const handle = await this.ask<Buffer>(folder, (done) => this.wrapper.opendir(folder, done));
    const entries: RemoteEntry[] = [];
    try {
      for (;;) {
        const some = await this.readEntries(folder, handle);
        if (some === null) return entries;
        entries.push(...some);
        if (entries.length > MAX_ENTRIES) throw this.failure(folder, `holds more than ${MAX_ENTRIES} files`);
      }
    } finally {
      this.wrapper.close(handle, () => undefined);
    }
  }

  /** What a path is; a link is followed. */
  async stat(path: string): Promise<Omit<RemoteEntry, 'name'>> {
    return entryOf(await this.ask<Attributes>(path, (done) => this.wrapper.stat(path, done)));
  }

  /**
   * Fetches a file as it was when it was listed, so that one that still grows is cut there. What an interrupted call left
   * in `<local>.<size>-<time>.part` is gone on with. `onBytes` is told of every block, of what was there already too.
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
      if (fromBytes < sizeBytes) await this.fetch(remote, file, fromBytes, sizeBytes, onBytes);
    } finally {
      await file.close();
    }
    await here(local, async () => {
      if ((await stat(part)).size !== sizeBytes) throw this.failure(remote, 'is not whole');
      await utimes(part, modifiedSecs, modifiedSecs);
      await moveInPlace(part, local);
    });
  }

  /**
   * Writes a file there: whole beside its place, then moved. Whatever stood there, and whatever the machine's umask is, the
   * new file has the mode, and before that nobody else can read it.
   */
  async upload(content: Uint8Array, remote: string, mode = 0o644): Promise<void> {
    const temporary = `${remote}.${OWN}${TEMPORARY_END}`;
    // Left by an attempt whose connection was lost.
    await this.ask<void>(remote, (done) => this.wrapper.unlink(temporary, () => done(null)));
    // 'wx': a file or a link that somebody else puts there meanwhile is refused, not followed.
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
      if (!this.ssh.isLost) this.wrapper.unlink(temporary, () => undefined);
      throw error;
    }
  }

  /** Of the file that a link leads to. */
  chmod(remote: string, mode: number): Promise<void> {
    return this.ask<void>(remote, (done) => this.wrapper.chmod(remote, mode, done));
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
    file: FileHandle,
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
          // Those that nobody waits for any more when an earlier one fails.
          block.catch(() => undefined);
          blocks.push(block);
        }
        // Written in order: what is there is always a beginning, which a later call can go on with.
        const block = await blocks.shift()!;
        await here(remote, () => file.appendFile(block));
        at += block.length;
        onBytes(block.length);
      }
    } finally {
      this.wrapper.close(handle, () => undefined);
    }
  }

  /** Exactly so many bytes. */
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
  // A size beyond what a number holds is no file of ours.
  const isFile = bits === 0o100000 && Number.isSafeInteger(size) && size >= 0;
  return { kind: isFile ? 'file' : bits === 0o040000 ? 'folder' : 'other', sizeBytes: size, modifiedSecs: mtime };
}

/** Something with a file of this machine. */
async function here<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
