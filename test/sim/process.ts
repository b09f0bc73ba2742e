import type { Clock, Random } from '../../src/core/environment';
import type { EventQueue } from './event-queue';
import type { End } from './end';
import { Nic } from './nic';

/** A machine's own clock: it starts anywhere and runs slightly fast or slow. */
export interface SimClock {
  offsetMs: number;
  rate: number;
}

const MIN_TIMER_MS = 1;

/** The resources of the machine on which a process runs. */
export interface Machine {
  clock: SimClock;
  /** CPU time of the event loop for each event, and for each MB that it reads or writes. */
  eventMs: number;
  megabyteMs: number;
  bytesPerMs: number;
  /** Connections that the kernel accepts before the process does. */
  backlog: number;
}

export const IDEAL_MACHINE: Machine = {
  clock: { offsetMs: 0, rate: 1 },
  eventMs: 0,
  megabyteMs: 0,
  bytesPerMs: Infinity,
  backlog: 511,
};

/**
 * One process of the operating system with its event loop. Whatever reaches it while it is busy or paused waits, as in
 * the kernel; when it goes on, overdue timers come before input.
 */
export class Process {
  alive = true;
  paused = false;
  /** Its clock and its timers. */
  readonly clock: Clock;
  readonly nic: Nic;
  private isHandling = false;
  private busyUntilMs = 0;
  private isWaking = false;
  private waitingConnections = 0;
  private starvations = 0;
  private input: (() => void)[] = [];
  private due: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly queue: EventQueue,
    private readonly random: Random,
    private readonly machine: Machine = IDEAL_MACHINE,
  ) {
    const own = machine.clock;
    this.nic = new Nic(queue, machine.bytesPerMs);
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

  get isBacklogFull(): boolean {
    return this.waitingConnections >= this.machine.backlog;
  }

  /** Handles the event of a socket, at once unless it is busy or paused. `size`: bytes that it reads. */
  deliver(handle: () => void, size = 0): void {
    if (!this.alive) return;
    this.input.push(() => {
      this.occupy((size / 1e6) * this.machine.megabyteMs);
      handle();
    });
    this.work();
  }

  /** The kernel has accepted a connection. */
  deliverConnection(accept: () => void): void {
    this.waitingConnections += 1;
    this.deliver(() => {
      this.waitingConnections -= 1;
      accept();
    });
  }

  /** Keeps the event loop busy for longer: with the work of the current event, or because the machine is. */
  occupy(ms: number): void {
    this.busyUntilMs = Math.max(this.busyUntilMs, this.queue.nowMs) + ms;
  }

  /** The CPU is taken away again and again, each time for up to twice `stallMs`; 0: no more. */
  starve(stallMs: number): void {
    const turn = ++this.starvations;
    const stall = (): void => {
      if (turn !== this.starvations || !this.alive) return;
      this.occupy(2 * stallMs * this.random());
      this.queue.at(this.busyUntilMs + 0.5 * stallMs * this.random(), stall);
    };
    if (stallMs > 0) stall();
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
    this.queue.after(wholeMs / this.machine.clock.rate, () => {
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
    while (this.alive && !this.paused && this.input.length + this.due.length > 0) {
      if (this.busyUntilMs > this.queue.nowMs) return this.workLater();
      const handle = this.due.shift() ?? this.input.shift()!;
      this.isHandling = true;
      this.occupy(this.machine.eventMs);
      try {
        handle();
      } finally {
        this.isHandling = false;
      }
    }
  }

  private workLater(): void {
    if (this.isWaking) return;
    this.isWaking = true;
    this.queue.at(this.busyUntilMs, () => {
      this.isWaking = false;
      this.work();
    });
  }
}
