/** Writes the pid file, by which other programs find this server, and never replaces that of another running one. */
import { readFileSync, type Stats } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import { livingStart } from '../files/kernel-start';
import { removeOurs } from '../files/move';
import { cannotWrite, checkTarget } from '../files/target';
import { PreparedFile } from '../files/write-whole';

/** Far more than any pid file has. */
const MAX_BYTES = 64 * 1024;
/** The longest time that a server takes to disappear after SIGKILL. */
const GONE_MS = 2000;
const LOOK_MS = 50;

/**
 * Its content is on disk before the server listens, so that a full disk keeps the server from joining the cluster. It
 * takes its place when the server listens, because until then the file there may belong to a running server.
 */
export class PidFile {
  private constructor(
    private readonly file: string,
    private readonly prepared: PreparedFile,
    private readonly content: string,
  ) {}

  /** @throws ClusterError `bad_config` if it cannot be written */
  static async prepare(file: string, content: { pid: number } & Record<string, unknown>): Promise<PidFile> {
    const text = `${JSON.stringify(content)}\n`;
    return new PidFile(file, await named(() => prepared(file, text)), text);
  }

  /**
   * Keeps a server from taking the pid file of a running one, which could then no longer be found.
   * @throws ClusterError `bad_config` that names both
   */
  static async refuseTaken(file: string): Promise<void> {
    await named(async () => {
      for (let waitedMs = 0; waitedMs < GONE_MS && runningOwner(file) !== null; waitedMs += LOOK_MS) {
        await later(LOOK_MS);
      }
      refuseOwned(file);
    });
  }

  /** @throws ClusterError `bad_config`, also if another server has taken the file since */
  publish(): Promise<void> {
    return named(() => {
      refuseOwned(this.file);
      return this.prepared.commit();
    });
  }

  /** Removes it, if it is still our own: another server may have been started with the same file since. */
  remove(): void {
    this.prepared.discard();
    try {
      removeOurs(this.file, (text) => text === this.content);
    } catch {
      // gone already, or not ours
    }
  }
}

/** @throws ClusterError */
function refuseOwned(file: string): void {
  const owner = runningOwner(file);
  if (owner === null) return;
  const { pid, serverId } = owner;
  const who =
    typeof serverId === 'number' ? `the running server ${serverId}, pid ${pid}` : `the running process ${pid}`;
  throw new ClusterError('bad_config', `${oneLine(file)} belongs to ${who}: expected a file of its own`);
}

/**
 * Returns the other process that wrote a pid file, if it still runs. Null also if that is uncertain: a number alone may
 * have been reused.
 */
function runningOwner(file: string): { pid: number; serverId: unknown } | null {
  const target = checkTarget(file);
  if (target.kind !== 'regular' || target.there === null || target.there.size > MAX_BYTES) return null;
  let content: { pid?: unknown; kernel_start?: unknown; server_id?: unknown } | null;
  try {
    content = JSON.parse(readFileSync(target.path, 'utf8')) as typeof content;
  } catch {
    return null;
  }
  const { pid, kernel_start: start, server_id: serverId } = content ?? {};
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid === process.pid) return null;
  return typeof start === 'string' && start === livingStart(pid) ? { pid, serverId } : null;
}

/**
 * Refuses a FIFO, where readers would wait, and a file that is no pid file and so was named by mistake. Owner and
 * permissions are ours, not those of a file that a killed server of another user left there, because readers trust the
 * owner.
 */
async function prepared(file: string, content: string): Promise<PreparedFile> {
  const target = checkTarget(file);
  if (target.kind === 'fifo') throw cannotWrite(file, new Error('is a FIFO, expected a file'));
  if (target.kind === 'regular' && target.there !== null && !isPidFile(target.path, target.there, file)) {
    throw cannotWrite(file, new Error('is there and is no pid file, it would be overwritten'));
  }
  return PreparedFile.prepare(file, content, true);
}

/** Accepts also a file that a full disk has left empty, and a number alone, as other programs write it. */
function isPidFile(place: string, { size }: Stats, file: string): boolean {
  if (size === 0) return true;
  if (size > MAX_BYTES) return false;
  let text;
  try {
    text = readFileSync(place, 'utf8');
  } catch (error) {
    throw cannotWrite(file, error);
  }
  try {
    const content: unknown = JSON.parse(text);
    return Number.isInteger(typeof content === 'object' ? (content as { pid?: unknown } | null)?.pid : content);
  } catch {
    return false;
  }
}

/** Makes errors name the setting. */
async function named<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    throw new ClusterError('bad_config', `server.pid_file: ${error.message}`, { cause: error });
  }
}
