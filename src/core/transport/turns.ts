/**
 * Shares one thread among many connections, so that nobody who sends much at once makes the others wait. The order is
 * that of fair queueing with priority for sparse flows (RFC 8290, section 4.2): who has nothing waiting is served at once,
 * who did not finish within its quantum joins the busy ones, and they take turns.
 */

/**
 * CPU work for one class of connections before timers, sockets and the other classes get their turn. A turn must be short:
 * libuv accepts one connection in each, so that a client that dials waits for as many turns as dialed before it.
 */
export const SLICE_MS = 1;
/** CPU work for one connection before the next one gets its turn: a few messages. */
export const QUANTUM_MS = 0.25;

export interface Worker {
  /** Served before the others, within a slice of its own. */
  readonly isSubscriber: boolean;
  /** Works until nothing is left, or `mayGoOn` says no between two pieces; returns whether something is left. */
  work(mayGoOn: () => boolean): boolean;
}

export interface TurnsOptions {
  /** Monotonic. */
  monotonicMs(): number;
  /** Calls back when sockets and timers have had their turn. Default: setImmediate. */
  afterTurn?(callback: () => void): void;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #subscribers = new Set<Worker>();
  /** Had nothing waiting before, but this turn's slice was used up. */
  readonly #sparse = new Set<Worker>();
  /** Did not finish within a quantum. */
  readonly #busy = new Set<Worker>();
  /** Of the work done as bytes arrive; null: nothing arrived in this turn. */
  #sliceEndMs: number | null = null;
  #isTurnDue = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Something arrived for `worker`: it works now if this turn has time left, else in one of the next turns. */
  arrived(worker: Worker): void {
    if (this.#subscribers.has(worker) || this.#sparse.has(worker) || this.#busy.has(worker)) return;
    if (worker.isSubscriber || this.#hasTime()) this.#serve(worker);
    else this.#sparse.add(worker);
    this.#planTurn();
  }

  #hasTime(): boolean {
    const nowMs = this.#options.monotonicMs();
    this.#sliceEndMs ??= nowMs + SLICE_MS;
    return nowMs < this.#sliceEndMs;
  }

  #serve(worker: Worker): void {
    const { monotonicMs } = this.#options;
    const endMs = monotonicMs() + QUANTUM_MS;
    if (worker.work(() => monotonicMs() < endMs)) (worker.isSubscriber ? this.#subscribers : this.#busy).add(worker);
  }

  #planTurn(): void {
    const isWaited = this.#subscribers.size + this.#sparse.size + this.#busy.size > 0;
    if (this.#isTurnDue || (this.#sliceEndMs === null && !isWaited)) return;
    this.#isTurnDue = true;
    const { afterTurn = setImmediate } = this.#options;
    afterTurn(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isTurnDue = false;
    this.#sliceEndMs = null;
    for (const waiting of [this.#subscribers, this.#sparse, this.#busy]) this.#serveInTurn(waiting);
    this.#planTurn();
  }

  /** At least one, so that no class can starve another. */
  #serveInTurn(waiting: Set<Worker>): void {
    const endMs = this.#options.monotonicMs() + SLICE_MS;
    for (const worker of waiting) {
      waiting.delete(worker);
      this.#serve(worker);
      if (this.#options.monotonicMs() >= endMs) return;
    }
  }
}
