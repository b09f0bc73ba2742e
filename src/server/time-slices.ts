/**
 * Runs short pieces of work on the main thread, in order. Work beyond a slice waits for the next turn of the event
 * loop: otherwise a hundred requests that arrive together would delay a heartbeat by their total time.
 */

/** CPU time on the event loop's thread before sockets and timers have their turn; an election cannot wait longer. */
const SLICE_MS = 10;

export interface TimeSlicesOptions {
  /** Returns monotonic time. */
  nowMs(): number;
  /** Calls back after sockets and timers have had their turn. Default: setImmediate. */
  afterTurn?(callback: () => void): void;
}

export class TimeSlices {
  private waiting: (() => void)[] = [];
  /** null: nothing ran in this turn. */
  private sliceEndMs: number | null = null;

  constructor(private readonly options: TimeSlicesOptions) {}

  /** Runs the work now, if there is time left in this turn, else later. */
  run(work: () => void): void {
    if (this.waiting.length === 0 && this.hasTime()) work();
    else this.waiting.push(work);
  }

  private hasTime(): boolean {
    const nowMs = this.options.nowMs();
    if (this.sliceEndMs !== null) return nowMs < this.sliceEndMs;
    this.sliceEndMs = nowMs + SLICE_MS;
    const { afterTurn = setImmediate } = this.options;
    afterTurn(() => this.nextTurn());
    return true;
  }

  private nextTurn(): void {
    this.sliceEndMs = null;
    while (this.waiting.length > 0 && this.hasTime()) this.waiting.shift()!();
  }
}
