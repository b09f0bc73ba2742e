/**
 * The log files of many clients: lines are buffered for at most a second, then appended file by file, so that thousands
 * of clients do not need an open file each.
 */
import { type Clock, isLogged, type Logger, type LogLevel } from '../core/environment';
import type { ClusterError } from '../core/errors';
import { logLine } from '../core/log-line';
import { appendText, beginEmpty } from '../files/append';
import { cannotWrite } from '../files/target';

const FLUSH_MS = 1000;
/** Flushes earlier than the timer when this much is buffered. */
const FLUSH_CHARS = 1024 * 1024;

interface LogFile {
  path: string;
  lines: string[];
}

export interface LogFilesOptions {
  clock: Clock;
  /** The lowest level that is written. */
  level: LogLevel;
  /** Called once when writing fails (a full disk); the run continues. */
  onError(error: ClusterError): void;
}

export class LogFiles {
  private readonly waiting = new Set<LogFile>();
  private waitingChars = 0;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private hasFailed = false;

  constructor(private readonly options: LogFilesOptions) {}

  /** Creates an empty file, with its folder, and returns its logger. @throws ClusterError `bad_usage` */
  async begin(file: string): Promise<Logger> {
    try {
      await beginEmpty(file);
    } catch (error) {
      throw cannotWrite(file, error);
    }
    const log: LogFile = { path: file, lines: [] };
    return (level, text) => {
      if (isLogged(level, this.options.level)) this.write(log, level, text);
    };
  }

  /** Resolves when all lines logged so far are in the files. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing.then(() => this.writeAll());
    return this.writing;
  }

  private write(log: LogFile, level: LogLevel, text: string): void {
    const line = `${logLine(new Date(this.options.clock.wallMs()), level, text)}\n`;
    log.lines.push(line);
    this.waiting.add(log);
    this.waitingChars += line.length;
    if (this.waitingChars > FLUSH_CHARS) {
      this.waitingChars = 0;
      void this.flush();
    } else this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  private async writeAll(): Promise<void> {
    const logs = [...this.waiting];
    this.waiting.clear();
    this.waitingChars = 0;
    for (const log of logs) {
      const text = log.lines.splice(0).join('');
      await appendText(log.path, text).catch((error: unknown) => this.fail(cannotWrite(log.path, error)));
    }
  }

  private fail(error: ClusterError): void {
    if (!this.hasFailed) this.options.onError(error);
    this.hasFailed = true;
  }
}
