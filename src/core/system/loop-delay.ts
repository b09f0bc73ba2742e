/**
 * Measures the event loop delay. Uses its own timer: `perf_hooks.monitorEventLoopDelay` misses what begins just after a
 * reset, adds its resolution, and reports a stall one turn of the loop late.
 */
import type { Clock } from '../environment';

const LOOK_EVERY_MS = 10;

export class LoopDelay {
  private timer: NodeJS.Timeout | undefined;
  private lastMs = 0;
  private maxMs = 0;

  constructor(private readonly clock: Clock) {}

  start(): void {
    this.lastMs = this.clock.monotonicMs();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Returns the longest delay since the last call, in milliseconds to two decimals; it may be 10 ms too long. */
  takeMaxMs(): number {
    this.look();
    const maxMs = this.maxMs;
    this.maxMs = 0;
    return Math.round(maxMs * 100) / 100;
  }

  private look(): void {
    const nowMs = this.clock.monotonicMs();
    this.maxMs = Math.max(this.maxMs, nowMs - this.lastMs - LOOK_EVERY_MS);
    this.lastMs = nowMs;
  }
}
