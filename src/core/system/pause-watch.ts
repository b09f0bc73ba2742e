/** Notices that this process itself stood still: stopped, starved of CPU, or with a blocked event loop. */
import type { Clock } from '../environment';

/** A process that did nothing for longer than this was paused: nobody else is judged by that time. Milliseconds. */
export const PAUSED_MS = 500;
/** After a pause, answers that have arrived meanwhile get this long to be read before anyone is judged. */
export const READ_FIRST_MS = 1000;
const LOOK_EVERY_MS = 100;

export interface PauseListener {
  /** This process stood still for `pausedMs` and runs again since `nowMs` (monotonic). */
  onResume(pausedMs: number, nowMs: number): void;
}

/**
 * A resumed process finds its overdue timers before the input in its sockets. So whoever is about to judge by a time
 * calls `look` first, which tells all listeners of a pause before it returns.
 */
export class PauseWatch {
  /** The end of the latest pause (monotonic); -Infinity if there was none. */
  resumedMs = -Infinity;
  private readonly listeners = new Set<PauseListener>();
  private cancelTimer: (() => void) | undefined;
  private lastMs = 0;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs' | 'after'>) {}

  /** Watches while there is any listener. */
  add(listener: PauseListener): void {
    this.listeners.add(listener);
    if (this.cancelTimer !== undefined) return;
    this.lastMs = this.clock.monotonicMs();
    this.arm();
  }

  remove(listener: PauseListener): void {
    this.listeners.delete(listener);
    if (this.listeners.size > 0) return;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  /** Returns the time (monotonic). */
  look(): number {
    const nowMs = this.clock.monotonicMs();
    const pausedMs = nowMs - this.lastMs;
    this.lastMs = nowMs;
    if (this.cancelTimer === undefined || pausedMs <= PAUSED_MS) return nowMs;
    this.resumedMs = nowMs;
    for (const listener of [...this.listeners]) listener.onResume(pausedMs, nowMs);
    return nowMs;
  }

  private arm(): void {
    this.cancelTimer = this.clock.after(LOOK_EVERY_MS, () => {
      this.arm();
      this.look();
    });
  }
}
