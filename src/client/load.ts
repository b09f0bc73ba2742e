import type { Pacing } from '../config/client-config';
import type { Clock, Random } from '../core/environment';
import type { RequestRecord } from '../core/metrics/record';
import type { ClientImage } from './client';

export interface LoadOptions {
  /** See `VirtualClient.request`. */
  request(image: ClientImage, requestId: number, options: { intendedStartMs: number }): Promise<RequestRecord>;
  /** At least one. */
  images: readonly ClientImage[];
  pacing: Pacing;
  /** It ends at whichever limit comes first; without limits only `stop()` ends it. */
  durationMs?: number;
  totalRequests?: number;
  /** A closed loop begins with a think time, so that clients that start together do not send together. */
  thinksFirst?: boolean;
  /** Delay from `run()` to the first request; the duration includes it. */
  startAfterMs?: number;
  onStart?(): void;
  /** For images and think times only, so that a seed repeats the same choices. */
  random: Random;
  clock: Clock;
  /** A request was sent, this much later than it was due. */
  onSend?(lateMs: number): void;
  onRecord(record: RequestRecord): void;
}

/** At a fixed rate, arrivals beyond this many in flight wait; their latency still counts from when they were due. */
const MAX_IN_FLIGHT = 10_000;

/** The longest delay of a timer; longer waits are split. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Schedules one client's requests: at a fixed rate independent of responses, or each a think time after the last. */
export class Load {
  readonly #options: LoadOptions;
  readonly #startMs: number;
  readonly #totalCount: number;
  #startedCount = 0;
  #inFlightCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #settle: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#startMs = options.clock.monotonicMs();
    this.#totalCount = totalCountOf(options);
  }

  /** The number of requests if it is known from the start. */
  get expectedCount(): number | undefined {
    return Number.isFinite(this.#totalCount) ? this.#totalCount : undefined;
  }

  /** Begins; resolves when no more requests are due and all that were started have ended. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const { startAfterMs = 0 } = this.#options;
      if (startAfterMs > 0) this.#timer = setTimeout(() => this.#start(), startAfterMs);
      else this.#start();
    });
  }

  /** Starts no more requests. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#endIfDone();
  }

  #start(): void {
    const { pacing, thinksFirst = false, onStart } = this.#options;
    onStart?.();
    if (thinksFirst && pacing.mode === 'closed_loop') this.#think(pacing);
    else this.#next(this.#startMs);
  }

  get #isExhausted(): boolean {
    return this.#isStopped || this.#startedCount >= this.#totalCount;
  }

  /** Starts the requests that are due, the first of them at `dueMs`, and waits for the next. */
  #next(dueMs: number): void {
    const { clock, pacing } = this.#options;
    this.#timer = undefined;
    while (!this.#isExhausted && this.#inFlightCount < MAX_IN_FLIGHT) {
      const waitMs = dueMs - clock.monotonicMs();
      if (waitMs > 0) return this.#wait(waitMs, dueMs);
      this.#begin(dueMs);
      if (pacing.mode === 'closed_loop') return;
      dueMs = this.#arrivalMs(pacing.ratePerSecond);
    }
    this.#endIfDone();
  }

  #wait(waitMs: number, dueMs: number): void {
    this.#timer = setTimeout(() => this.#next(dueMs), Math.min(Math.ceil(waitMs), MAX_TIMER_MS));
  }

  /** Returns when the next request at a fixed rate is due. */
  #arrivalMs(ratePerSecond: number): number {
    return this.#startMs + (this.#startedCount * 1000) / ratePerSecond;
  }

  #begin(intendedStartMs: number): void {
    const { request, images, random, clock, onSend } = this.#options;
    const image = images[Math.floor(random() * images.length)]!;
    this.#startedCount += 1;
    this.#inFlightCount += 1;
    onSend?.(clock.monotonicMs() - intendedStartMs);
    request(image, this.#startedCount, { intendedStartMs }).then(
      (record) => this.#ended(record),
      (error: unknown) => this.#settle?.reject(error),
    );
  }

  #ended(record: RequestRecord): void {
    this.#inFlightCount -= 1;
    this.#options.onRecord(record);
    if (this.#isExhausted) return this.#endIfDone();
    const { pacing } = this.#options;
    if (pacing.mode === 'closed_loop') this.#think(pacing);
    else if (this.#timer === undefined) this.#next(this.#arrivalMs(pacing.ratePerSecond));
  }

  #think({ minDelayMs, maxDelayMs }: Extract<Pacing, { mode: 'closed_loop' }>): void {
    const { random, clock, durationMs = Infinity } = this.#options;
    const dueMs = clock.monotonicMs() + minDelayMs + random() * (maxDelayMs - minDelayMs);
    if (dueMs - this.#startMs >= durationMs) this.#isStopped = true;
    this.#next(dueMs);
  }

  #endIfDone(): void {
    if (this.#isExhausted && this.#inFlightCount === 0) this.#settle?.resolve();
  }
}

/** At a fixed rate the duration determines the count; slightly less than a whole request is a rounding error. */
function totalCountOf({ pacing, durationMs = Infinity, totalRequests = Infinity }: LoadOptions): number {
  if (pacing.mode === 'closed_loop') return totalRequests;
  return Math.min(totalRequests, Math.max(1, Math.ceil((durationMs / 1000) * pacing.ratePerSecond - 1e-6)));
}
