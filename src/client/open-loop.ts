/** Sends requests that are due on a schedule, independent of earlier responses, through clients that share them. */
import type { Clock, Random } from '../core/environment';
import { MAX_TIMER_MS } from '../core/system/max-timer';
import type { PauseWatch } from '../core/system/pause-watch';
import type { ClientImage } from './client';

/** No client was free for too long; the load is stopped; or this process stood still when the request was due. */
export type MissReason = 'waited too long' | 'stopped' | 'stood still';

/** One of the clients that share the arrivals; it handles one request at a time. */
export interface OpenLoopClient {
  /** Sends, and resolves when the request has ended. */
  send(image: ClientImage, intendedStartMs: number): Promise<unknown>;
  /** Counts a request that was due but not sent: as a failure after waiting too long, else as undecided. */
  miss(image: ClientImage, intendedStartMs: number, why: MissReason): void;
}

export interface OpenLoopOptions {
  /** At least one. */
  clients: readonly OpenLoopClient[];
  /** Milliseconds after the start, in order. */
  dueTimes: Iterator<number, void>;
  /** At least one. */
  images: readonly ClientImage[];
  /** For images only. */
  random: Random;
  clock: Clock;
  /** A request that has waited this long for a free client is not sent. */
  maxWaitMs: number;
  /** Notices when this process stood still. */
  pauses: Pick<PauseWatch, 'look' | 'resumedMs'>;
  /** A request was sent, this much later than this process could have sent it. */
  onSend?(lateMs: number): void;
}

interface DueRequest {
  dueMs: number;
  image: ClientImage;
}

/**
 * Gives each request to the client that has been free for longest; while all are busy it waits, and the next free
 * client takes the one that has waited for longest. The wait is part of its latency, which counts from when it was due.
 */
export class OpenLoop {
  private readonly free: { client: OpenLoopClient; sinceMs: number }[];
  private readonly startMs: number;
  /** The next one due, or the one that has waited for longest; undefined when there are no more. */
  private next: DueRequest | undefined;
  /** Those after it that have been drawn from the schedule already. */
  private ahead: DueRequest[] = [];
  /** Requests for which no client was free when they were due. */
  waitedCount = 0;
  private inFlightCount = 0;
  private missedCount = 0;
  private timer: NodeJS.Timeout | undefined;
  private settle: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(private readonly options: OpenLoopOptions) {
    this.startMs = options.clock.monotonicMs();
    this.free = options.clients.map((client) => ({ client, sinceMs: this.startMs }));
    this.advance();
  }

  /** Begins; resolves when no more are due and all that were sent have ended. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.deal();
    });
  }

  /** Sends no more. Requests that are due now and still waiting are missed, and undecided. */
  stop(): void {
    const nowMs = this.options.clock.monotonicMs();
    for (let next = this.next; next !== undefined && next.dueMs <= nowMs; next = this.next) {
      this.miss(next, 'stopped');
    }
    this.next = undefined;
    this.ahead = [];
    clearTimeout(this.timer);
    this.endIfDone();
  }

  /** The due times (monotonic) of the requests that wait for a free client, the oldest first. */
  get waitingDueMs(): number[] {
    if (this.next === undefined) return [];
    const nowMs = this.options.clock.monotonicMs();
    let last: DueRequest | undefined = this.ahead.at(-1) ?? this.next;
    while (last !== undefined && last.dueMs <= nowMs) {
      last = this.draw();
      if (last !== undefined) this.ahead.push(last);
    }
    return [this.next, ...this.ahead].map(({ dueMs }) => dueMs).filter((dueMs) => dueMs <= nowMs);
  }

  private advance(): void {
    this.next = this.ahead.shift() ?? this.draw();
  }

  /** Returns the next request of the schedule; undefined if it is over. */
  private draw(): DueRequest | undefined {
    const { dueTimes, images, random } = this.options;
    const { value, done } = dueTimes.next();
    if (done === true || value === undefined) return undefined;
    return { dueMs: this.startMs + value, image: images[Math.floor(random() * images.length)]! };
  }

  /** Sends the requests that are due while clients are free, and waits for the next. */
  private deal(): void {
    const { pauses, maxWaitMs } = this.options;
    clearTimeout(this.timer);
    for (let next = this.next; next !== undefined; next = this.next) {
      const waitedMs = pauses.look() - next.dueMs;
      if (waitedMs < 0) return this.wait(-waitedMs);
      if (waitedMs > maxWaitMs) this.miss(next, next.dueMs < pauses.resumedMs ? 'stood still' : 'waited too long');
      else if (this.free.length === 0) return this.wait(maxWaitMs - waitedMs);
      else this.send(next);
    }
    this.endIfDone();
  }

  private wait(ms: number): void {
    if (ms === Infinity) return;
    this.timer = setTimeout(() => this.deal(), Math.min(Math.ceil(ms), MAX_TIMER_MS));
  }

  private miss({ dueMs, image }: DueRequest, why: MissReason): void {
    const { clients } = this.options;
    clients[this.missedCount++ % clients.length]!.miss(image, dueMs, why);
    this.advance();
  }

  private send({ dueMs, image }: DueRequest): void {
    const { clock, onSend } = this.options;
    const { client, sinceMs } = this.free.shift()!;
    this.inFlightCount += 1;
    if (sinceMs > dueMs) this.waitedCount += 1;
    this.advance();
    onSend?.(clock.monotonicMs() - Math.max(dueMs, sinceMs));
    client.send(image, dueMs).then(
      () => this.ended(client),
      (error: unknown) => this.settle?.reject(error),
    );
  }

  private ended(client: OpenLoopClient): void {
    this.inFlightCount -= 1;
    this.free.push({ client, sinceMs: this.options.clock.monotonicMs() });
    this.deal();
  }

  private endIfDone(): void {
    if (this.next === undefined && this.inFlightCount === 0) this.settle?.resolve();
  }
}
