import type { Clock } from '../core/environment';
import { logLine } from '../core/log-line';
import { exactQuantile } from '../core/metrics/digest';
import type { RequestRecord } from '../core/metrics/record';

export interface ProgressOptions {
  write(text: string): void;
  /** On a terminal one line that is written over; else a log line every five seconds. */
  isTerminal: boolean;
  columns?: number;
  clock: Clock;
  expectedCount?: number;
}

const LINE_EVERY_MS = 5000;
const STATUS_EVERY_MS = 500;
/** The rate is over about so long, the p95 over so many. */
const RATE_SPAN_MS = 5000;
const RECENT_COUNT = 1000;
const CLEAR_LINE = '\r\u001b[2K';

/** Tells a person how a run goes. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #recentMs: number[] = [];
  #marks: { atMs: number; done: number }[];
  #done = 0;
  #failed = 0;
  #lastReason = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#marks = [{ atMs: options.clock.monotonicMs(), done: 0 }];
  }

  start(): void {
    const { isTerminal } = this.#options;
    this.#timer = setInterval(() => this.#show(), isTerminal ? STATUS_EVERY_MS : LINE_EVERY_MS);
  }

  /** Leaves the line to others. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#options.isTerminal) this.#options.write(CLEAR_LINE);
  }

  add({ outcome, success, latency_ms, failure_reason }: RequestRecord): void {
    if (outcome === 'interrupted' || outcome === 'unsent') return;
    if (success) this.#recentMs[(this.#done - this.#failed) % RECENT_COUNT] = latency_ms;
    else {
      this.#failed += 1;
      this.#lastReason = failure_reason ?? '';
    }
    this.#done += 1;
  }

  /** `120 of 300 done, 1.0/s, 2 failed (last: Connection refused), p95 23.4 ms` */
  text(): string {
    const { expectedCount } = this.#options;
    const of = expectedCount === undefined ? '' : ` of ${expectedCount}`;
    const why = this.#failed === 0 ? '' : ` (last: ${this.#lastReason})`;
    const p95Ms = exactQuantile(Float64Array.from(this.#recentMs).sort(), 0.95);
    const p95 = p95Ms === null ? '' : `, p95 ${p95Ms.toFixed(1)} ms`;
    return `${this.#done}${of} done, ${this.#rate().toFixed(1)}/s, ${this.#failed} failed${why}${p95}`;
  }

  #rate(): number {
    const nowMs = this.#options.clock.monotonicMs();
    this.#marks.push({ atMs: nowMs, done: this.#done });
    while (this.#marks.length > 2 && nowMs - this.#marks[1]!.atMs >= RATE_SPAN_MS) this.#marks.shift();
    const { atMs, done } = this.#marks[0]!;
    return nowMs === atMs ? 0 : ((this.#done - done) * 1000) / (nowMs - atMs);
  }

  #show(): void {
    const { write, isTerminal, columns = 80, clock } = this.#options;
    const text = this.text();
    if (isTerminal) write(`${CLEAR_LINE}${text.slice(0, columns - 1)}`);
    else write(`${logLine(new Date(clock.unixMs()), 'info', text)}\n`);
  }
}
