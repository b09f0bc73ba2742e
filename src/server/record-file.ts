import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';

/**
 * A file that lines are appended to, buffered for at most `flushMs`, so that a killed process loses no more than that.
 * Whole lines are written at once: a reader never sees half of one, unless the disk is full.
 */
export class RecordFile {
  private readonly fd: number;
  private lines: string[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** @throws ClusterError('bad_config') when the file cannot be opened; `what` names the setting. */
  constructor(
    file: string,
    what: string,
    private readonly flushMs: number,
    /** Told once when writing fails (a full disk): the server goes on without its records. */
    private readonly onError: (error: Error) => void,
  ) {
    try {
      // One level only: more is more likely a typing error, and under /proc Node would try for ever.
      if (!existsSync(path.dirname(file))) mkdirSync(path.dirname(file));
      this.fd = openSync(file, 'a');
    } catch (error) {
      throw new ClusterError('bad_config', `${what}: cannot write ${file}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  append(line: string): void {
    this.lines.push(line);
    this.timer ??= setTimeout(() => this.flush(), this.flushMs).unref();
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.lines.length === 0) return;
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    try {
      writeSync(this.fd, text);
    } catch (error) {
      this.onError(error as Error);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }
}
