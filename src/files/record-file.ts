/**
 * A file of lines, buffered for at most `flushMs`. A reader never sees a partial line, not even on a full disk: a
 * partial write is undone.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import { openToAppend } from './append';
import { causeOf } from './cause';
import { makeFolder } from './folders';

export interface RecordFileOptions {
  /**
   * The longest time, in milliseconds, for which records are buffered; a killed process loses those. 0: every line is
   * handed to the kernel before `append` returns, which keeps it if the process is killed.
   */
  flushMs: number;
  /** The setting or flag that gave the path, for errors. */
  what: string;
  /** Called once when a write fails (a full disk); later writes are still attempted. */
  onError(error: Error): void;
  /** Lines that could not be written, and will not be. */
  onLost?(lines: readonly string[]): void;
}

/** Flushes before the timer when this much is buffered. */
const MAX_WAITING_CHARS = 1024 * 1024;

export class RecordFile {
  private readonly fd: number;
  private lines: string[] = [];
  private waitingChars = 0;
  private timer: NodeJS.Timeout | null = null;
  private hasFailed = false;
  /** The rest of a line that a full FIFO took only in part. */
  private rest: Buffer = Buffer.alloc(0);

  /** @throws ClusterError `bad_config` if the file cannot be opened */
  constructor(
    readonly path: string,
    private readonly options: RecordFileOptions,
  ) {
    try {
      this.fd = openForAppend(path);
    } catch (error) {
      throw new ClusterError('bad_config', `${options.what}: cannot write ${oneLine(path)}: ${causeOf(error)}`, {
        cause: error,
      });
    }
  }

  append(line: string): void {
    this.lines.push(line);
    this.waitingChars += line.length;
    if (this.options.flushMs === 0 || this.waitingChars > MAX_WAITING_CHARS) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.options.flushMs).unref();
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const text = this.lines.length === 0 ? '' : `${this.lines.join('\n')}\n`;
    const bytes = Buffer.concat([this.rest, Buffer.from(text)]);
    if (bytes.length === 0) return;
    this.lines = [];
    this.waitingChars = 0;
    try {
      this.writeWholeLines(bytes);
    } catch (error) {
      if (!this.hasFailed) this.options.onError(new Error(causeOf(error), { cause: error }));
      this.hasFailed = true;
    }
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  /** A disk may take a part of it before it is full: the file is then truncated after the last complete line. */
  private writeWholeLines(bytes: Buffer): void {
    const { fd, rest } = this;
    this.rest = Buffer.alloc(0);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written);
    } catch (error) {
      const wholeBytes = written === 0 ? 0 : bytes.lastIndexOf(0x0a, written - 1) + 1;
      const cutBytes = written - wholeBytes;
      const isFile = fstatSync(fd).isFile();
      if (isFile && cutBytes > 0) ftruncateSync(fd, fstatSync(fd).size - cutBytes);
      const isInLine = cutBytes > 0 || (written === 0 && rest.length > 0);
      const keptBytes = !isFile && isInLine ? bytes.indexOf(0x0a, written) + 1 : wholeBytes;
      if (!isFile && isInLine) this.rest = bytes.subarray(written, keptBytes);
      this.options.onLost?.(bytes.toString('utf8', keptBytes).split('\n').slice(0, -1));
      throw error;
    }
  }
}

function openForAppend(file: string): number {
  // One level only: more is more likely a typo.
  const folder = path.dirname(file);
  if (existsSync(path.dirname(folder))) makeFolder(folder);
  const fd = openToAppend(file);
  endLine(file, fd);
  return fd;
}

/**
 * Ends the last line of the file if a process was killed in the middle of a large write: the next line stays whole. Where
 * that is impossible (a full disk, no permission to read), nothing is lost but that next line.
 */
function endLine(file: string, fd: number): void {
  const stats = fstatSync(fd);
  if (!stats.isFile() || stats.size === 0) return;
  try {
    if (lastByteOf(file, stats.size) !== 0x0a) writeSync(fd, '\n');
  } catch {
    // Its next line is damaged, which readers report.
  }
}

function lastByteOf(file: string, size: number): number | undefined {
  const last = Buffer.alloc(1);
  const reader = openSync(file, 'r');
  try {
    readSync(reader, last, 0, 1, size - 1);
  } finally {
    closeSync(reader);
  }
  return last[0];
}
