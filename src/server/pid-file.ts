import { readFileSync, type Stats } from 'node:fs';
import { ClusterError } from '../core/errors';
import { removeOurs } from '../files/move';
import { cannotWrite, checkTarget } from '../files/target';
import { PreparedFile } from '../files/write-whole';

/** No pid file comes near it. */
const MAX_BYTES = 64 * 1024;

/**
 * The file by which others find this process. Its content is on disk before the server listens, so that a full disk keeps
 * it from joining the cluster; it takes its place when the server listens, because until then the file there may be that
 * of a server that runs.
 */
export class PidFile {
  private constructor(
    private readonly file: string,
    private readonly prepared: PreparedFile,
    private readonly pid: number,
  ) {}

  /** @throws ClusterError `bad_config` if it cannot be written */
  static async prepare(file: string, content: { pid: number } & Record<string, unknown>): Promise<PidFile> {
    return new PidFile(file, await named(() => prepared(file, `${JSON.stringify(content)}\n`)), content.pid);
  }

  /** @throws ClusterError `bad_config` */
  publish(): Promise<void> {
    return named(() => this.prepared.commit());
  }

  /** Removes it, if it is still our own: another server may have been started with the same file since. */
  remove(): void {
    this.prepared.discard();
    try {
      removeOurs(this.file, (text) => (JSON.parse(text) as { pid?: number }).pid === this.pid);
    } catch {
      // gone already, or not ours
    }
  }
}

/**
 * Others read it: they would wait at a FIFO. And they believe it for its owner, which is not that of the file that a killed
 * server of somebody else may have left there. What is no pid file was named by mistake, and stays.
 */
async function prepared(file: string, content: string): Promise<PreparedFile> {
  const target = checkTarget(file);
  if (target.kind === 'fifo') throw cannotWrite(file, new Error('is a FIFO, expected a file'));
  if (target.kind === 'regular' && target.there !== null && !isPidFile(target.path, target.there, file)) {
    throw cannotWrite(file, new Error('is there and is no pid file, it would be overwritten'));
  }
  return PreparedFile.prepare(file, content, true);
}

/** Also one that a full disk has left empty, and a number alone, as other programs write it. */
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

/** Errors name the setting. */
async function named<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    throw new ClusterError('bad_config', `server.pid_file: ${error.message}`, { cause: error });
  }
}
