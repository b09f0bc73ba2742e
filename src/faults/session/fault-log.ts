/** Writes the output of a fault simulation to the display, the log file and the machine-readable events file. */
import type { FaultsConfig } from '../../config/faults-config';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { CLEAR_LINE, timestamp } from '../../core/log-line';
import { ClockWatch, clockText } from '../../core/metrics/clock-watch';
import type { ClockLine, FaultEvent } from '../../core/metrics/record';
import { RecordFile } from '../../files/record-file';
import { clusterText, type ClusterViewModel } from '../cluster-view-model';
import { oneLine } from '../../core/printable';

/** The display, such as process.stdout. */
export interface Display {
  write(text: string): unknown;
  /** On a terminal, the cluster is shown below the log on one line that is overwritten. */
  isTTY?: boolean;
  /** 0 on some pseudo-terminals. */
  columns?: number;
}

type FaultFiles = Pick<FaultsConfig, 'logFile' | 'eventsFile' | 'logSource'>;

const REDRAW_MS = 1000;
/** Interval in which a clock step is noticed, in milliseconds. */
const CLOCK_MS = 1000;
/** Lines are flushed one by one, so the timer has nothing to do. */
const FLUSH_MS = 1000;

export class FaultLog {
  private readonly display: Display | undefined;
  private readonly log: RecordFile;
  private readonly events: RecordFile | null;
  private cluster: ClusterViewModel | undefined;
  private readonly clockWatch = new ClockWatch();
  private readonly clockTimer: NodeJS.Timeout;
  private timer: NodeJS.Timeout | undefined;
  /** True if a line is missing in a file. */
  isIncomplete = false;

  /** @throws ClusterError `bad_config` if a file cannot be opened */
  constructor(
    { logFile, eventsFile, logSource }: FaultFiles,
    private readonly clock: Clock,
    display?: Display,
  ) {
    this.display = display;
    const open = (file: string): RecordFile =>
      new RecordFile(file, {
        what: logSource,
        flushMs: FLUSH_MS,
        onError: (error) => this.onFileError(file, error),
      });
    this.log = open(logFile);
    this.events = eventsFile === null ? null : open(eventsFile);
    this.clockTimer = setInterval(() => this.lookAtClock(), CLOCK_MS).unref();
    this.lookAtClock();
    if (display?.isTTY) this.timer = setInterval(() => this.drawCluster(), REDRAW_MS).unref();
  }

  /** Writes one line with its time. */
  line(text: string): void {
    this.plain([`${timestamp(new Date(this.clock.wallMs()))} ${text}`]);
  }

  /** Writes lines as they are, all at once. */
  plain(lines: readonly string[]): void {
    const text = lines.map(oneLine).join('\n');
    this.log.append(text);
    this.log.flush();
    this.say(text);
  }

  /** Logs why the simulation does not begin; the caller reports it on the display. */
  notBegun(error: unknown): void {
    const time = timestamp(new Date(this.clock.wallMs()));
    const reasons = error instanceof ClusterError ? error.message : 'a bug';
    const lines = [...reasons.split('\n').map((line) => `ERROR: ${line}`), '===== FAULT SIMULATION NOT BEGUN ====='];
    this.log.append(lines.map((line) => oneLine(`${time} ${line}`)).join('\n'));
    this.log.flush();
  }

  record(event: FaultEvent | ClockLine): void {
    this.events?.append(JSON.stringify(event));
    this.events?.flush();
  }

  show(cluster: ClusterViewModel): void {
    this.cluster = cluster;
    this.drawCluster();
  }

  close(): void {
    clearInterval(this.timer);
    clearInterval(this.clockTimer);
    this.lookAtClock();
    if (this.display?.isTTY) this.display.write(CLEAR_LINE);
    this.cluster = undefined;
    this.log.close();
    this.events?.close();
  }

  private lookAtClock(): void {
    const look = this.clock.look?.();
    const note = look && this.clockWatch.look(look);
    if (!note) return;
    const { time, ...rest } = note;
    this.record({ time, event: 'clock', ...rest });
    const text = clockText(note);
    if (text !== null) this.line(`WARN: ${text}`);
  }

  private say(text: string): void {
    const clear = this.display?.isTTY ? CLEAR_LINE : '';
    this.display?.write(`${clear}${text}\n`);
    this.drawCluster();
  }

  private drawCluster(): void {
    if (!this.display?.isTTY || this.cluster === undefined) return;
    const text = clusterText(this.cluster, this.clock.monotonicMs());
    this.display.write(`${CLEAR_LINE}${text.slice(0, (this.display.columns || 80) - 1)}`);
  }

  /** Reports a failed write; the faults continue. */
  private onFileError(file: string, error: Error): void {
    this.isIncomplete = true;
    this.say(oneLine(`${timestamp(new Date(this.clock.wallMs()))} ERROR: cannot write ${file}: ${error.message}`));
  }
}
