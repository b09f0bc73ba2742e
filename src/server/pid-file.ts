import { readFileSync, rmSync } from 'node:fs';
import { ClusterError } from '../core/errors';
import { type Target, targetOf } from '../files/target';
import { PreparedFile } from '../files/write-whole';

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

  /** @throws ClusterError `bad_config` where it cannot be written */
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
      const target = targetOf(this.file);
      if (!isReadable(target)) return;
      const { pid } = JSON.parse(readFileSync(target.path, 'utf8')) as { pid?: number };
      if (pid === this.pid) rmSync(target.path);
    } catch {
      // gone already, or not ours
    }
  }
}

async function prepared(file: string, content: string): Promise<PreparedFile> {
  const whole = await PreparedFile.prepare(file, content);
  if (whole.target.kind !== 'fifo') return whole;
  throw new ClusterError('bad_usage', `cannot write ${file}: is a FIFO, expected a file`);
}

/** Only a regular file: to read another could take for ever. */
function isReadable(target: Target): target is Target & { kind: 'regular' } {
  return target.kind === 'regular';
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
