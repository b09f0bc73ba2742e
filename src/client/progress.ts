/** Shows the progress of a run: as a status line on a terminal, otherwise as log lines. */
import type { Clock } from '../core/environment';
import { CLEAR_LINE, logLine } from '../core/log-line';
import type { RequestRecord } from '../core/metrics/record';
import { Meter, oldestText } from './meter';

export interface ProgressOptions {
  write(text: string): void;
  /** On a terminal one line that is overwritten; otherwise a log line every five seconds. */
  isTerminal: boolean;
  columns?: number;
  clock: Clock;
  /** The longest that a success can take. */
  longestMs: number;
  expectedCount?: number;
  /** Returns when the oldest request in flight was due (monotonic); undefined if there is none. */
  oldestDueMs(): number | undefined;
}

/** Interval of log lines where no terminal shows the status. */
export const LINE_EVERY_MS = 5000;
/** Update interval of the status line on a terminal. */
export const STATUS_EVERY_MS = 500;

export class Progress {
  private readonly meter: Meter;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ProgressOptions) {
    this.meter = new Meter(options.clock, options.longestMs);
  }

  start(): void {
    const { isTerminal } = this.options;
    this.timer = setInterval(() => this.show(), isTerminal ? STATUS_EVERY_MS : LINE_EVERY_MS);
  }

  /** Clears the line for other output. */
  stop(): void {
    clearInterval(this.timer);
    if (this.options.isTerminal) this.options.write(CLEAR_LINE);
  }

  add(record: RequestRecord): void {
    this.meter.add(record);
  }

  /** `120 of 300 done, 1.0/s, 2 failed (last: Connection refused), p95 23.4 ms, oldest request 3.2 s` */
  text(): string {
    const { expectedCount, clock, oldestDueMs } = this.options;
    const { doneCount, failedCount, lastReason } = this.meter;
    const of = expectedCount === undefined ? '' : ` of ${expectedCount}`;
    const why = failedCount === 0 ? '' : ` (last: ${lastReason})`;
    const p95Ms = this.meter.p95Ms();
    const p95 = p95Ms === null ? '' : `, p95 ${p95Ms.toFixed(1)} ms`;
    const nowMs = clock.monotonicMs();
    const oldest = oldestText(nowMs - (oldestDueMs() ?? nowMs)).map((text) => `, ${text}`);
    const rate = `${this.meter.perSecond().toFixed(1)}/s`;
    return `${doneCount}${of} done, ${rate}, ${failedCount} failed${why}${p95}${oldest.join('')}`;
  }

  private show(): void {
    const { write, isTerminal, columns = 80, clock } = this.options;
    const text = this.text();
    if (isTerminal) write(`${CLEAR_LINE}${text.slice(0, columns - 1)}`);
    else write(`${logLine(new Date(clock.wallMs()), 'info', text)}\n`);
  }
}
