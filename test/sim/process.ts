import type { Clock, Random } from '../../src/core/environment';
import type { EventQueue } from './event-queue';
import type { End } from './network';

/** A machine's own clock: it starts anywhere and runs slightly fast or slow. */
export interface SimClock {
  offsetMs: number;
  rate: number;
}

const RIGHT: SimClock = { offsetMs: 0, rate: 1 };
const MIN_TIMER_MS = 1;

/**
 * One process of the operating system with its event loop. Whatever reaches it while it is paused waits, as in the
 * kernel of a stopped process; when it goes on, overdue timers come before input.
 */
export class Process {
  alive = true;
  paused = false;
  /** Its clock and its timers. */
  readonly clock: Clock;
  private isHandling = false;
  private input: (() => void)[] = [];
  private due: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly queue: EventQueue,
    private readonly random: Random,
    private readonly own: SimClock = RIGHT,
  ) {
    const monotonicMs = (): number => own.offsetMs + queue.nowMs * own.rate;
    this.clock = {
      monotonicMs,
      unixMs: (atMs) => (atMs === undefined ? queue.nowMs : (atMs - own.offsetMs) / own.rate),
      wallMs: () => queue.nowMs,
      after: (delayMs, act) => this.after(delayMs, act),
    };
  }

  /** Accepts a connection from another process. */
  accept(_end: End): void {}

  /** Handles the event of a socket, at once unless it is busy or paused. */
  deliver(handle: () => void): void {
    if (!this.alive) return;
    this.input.push(handle);
    this.work();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.work();
  }

  /** The process ends: nothing reaches it any more. */
  kill(): void {
    this.alive = false;
    this.input = [];
    this.due = [];
  }

  private after(delayMs: number, act: () => void): () => void {
    let isCancelled = false;
    const wholeMs = Math.max(MIN_TIMER_MS, Math.trunc(delayMs)) + this.random();
    this.queue.after(wholeMs / this.own.rate, () => {
      if (!this.alive || isCancelled) return;
      this.due.push(() => (isCancelled ? undefined : act()));
      this.work();
    });
    return () => {
      isCancelled = true;
    };
  }

  private work(): void {
    if (this.isHandling) return;
    for (;;) {
      if (!this.alive || this.paused) return;
      const handle = this.due.shift() ?? this.input.shift();
      if (handle === undefined) return;
      this.isHandling = true;
      try {
        handle();
      } finally {
        this.isHandling = false;
      }
    }
  }
}
