/** Sends one client's requests, each a think time after the last one ended. */
import type { ThinkTimePacing } from '../config/load-settings';
import type { Clock, Random } from '../core/environment';
import { MAX_TIMER_MS } from '../core/system/max-timer';
import type { ClientImage } from './client';

export interface ClosedLoopOptions {
  /** Sends one request, its latency counting from `intendedStartMs` (monotonic); resolves when it has ended. */
  send(image: ClientImage, intendedStartMs: number): Promise<unknown>;
  /** At least one. */
  images: readonly ClientImage[];
  pacing: ThinkTimePacing;
  /** It ends at whichever limit comes first; without limits only `stop()` ends it. */
  durationMs?: number;
  totalRequests?: number;
  /** It begins with a think time, so that clients that start together do not send together. */
  thinksFirst?: boolean;
  /** Delay from `run()` to the first request; the duration includes it. */
  startAfterMs?: number;
  onStart?(): void;
  /** For images and think times only, so that a seed repeats the same choices. */
  random: Random;
  clock: Clock;
  /** A request was sent, this much later than it was due. */
  onSend?(lateMs: number): void;
}

export class ClosedLoop {
  private readonly startMs: number;
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;
  private wake: (() => void) | undefined;

  constructor(private readonly options: ClosedLoopOptions) {
    this.startMs = options.clock.monotonicMs();
  }

  /** Begins; resolves when no more requests are due and the last one has ended. */
  async run(): Promise<void> {
    const { startAfterMs = 0, thinksFirst = false, onStart } = this.options;
    const { durationMs = Infinity, totalRequests = Infinity } = this.options;
    if (startAfterMs > 0) await this.until(this.startMs + startAfterMs);
    if (this.isStopped) return;
    onStart?.();
    let dueMs = thinksFirst ? this.nextMs() : this.startMs;
    for (let count = 0; count < totalRequests && dueMs - this.startMs < durationMs; count++) {
      await this.until(dueMs);
      if (this.isStopped) return;
      await this.send(dueMs);
      dueMs = this.nextMs();
    }
  }

  /** Starts no more requests. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.wake?.();
  }

  private send(dueMs: number): Promise<unknown> {
    const { send, images, random, clock, onSend } = this.options;
    const image = images[Math.floor(random() * images.length)]!;
    onSend?.(clock.monotonicMs() - dueMs);
    return send(image, dueMs);
  }

  /** Returns when the next request is due: a think time from now. */
  private nextMs(): number {
    const { clock, random, pacing } = this.options;
    return clock.monotonicMs() + pacing.minDelayMs + random() * (pacing.maxDelayMs - pacing.minDelayMs);
  }

  /** Waits until a time, or until it is stopped. */
  private async until(dueMs: number): Promise<void> {
    const { clock } = this.options;
    for (let ms = dueMs - clock.monotonicMs(); ms > 0 && !this.isStopped; ms = dueMs - clock.monotonicMs()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.timer = setTimeout(resolve, Math.min(Math.ceil(ms), MAX_TIMER_MS));
      });
    }
  }
}
