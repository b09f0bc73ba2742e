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

/** Whoever waits with more than this is no sparse flow: a piece of it may be one long message, which cannot be divided. */
const SPARSE_BYTES = 16 * 1024;

export interface Worker {
  /** A link with another server: served before the others, within a slice of its own. */
  readonly isPeer: boolean;
  /** What waits, and what came before of the same message. */
  readonly waitingBytes: number;
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
  readonly #peers = new Set<Worker>();
  /** Had nothing waiting before, but this turn's slice was used up. */
  readonly #sparse = new Set<Worker>();
  /** Did not finish within a quantum, or has long messages. */
  readonly #busy = new Set<Worker>();
  /** Work done as bytes arrived, since the last turn. */
  #arrivedWorkMs = 0;
  #isTurnDue = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Something arrived for `worker`: it works now if this turn has time left, else in one of the next turns. */
  arrived(worker: Worker): void {
    if (this.#peers.has(worker) || this.#sparse.has(worker) || this.#busy.has(worker)) return;
    if (worker.isPeer || this.#arrivedWorkMs < SLICE_MS) this.#serveArrived(worker);
    else (worker.waitingBytes <= SPARSE_BYTES ? this.#sparse : this.#busy).add(worker);
    this.#planTurn();
  }

  /** A turn is only made when there is reason to: one after every arrival would cost as much as the work itself. */
  #serveArrived(worker: Worker): void {
    const startMs = this.#options.monotonicMs();
    this.#serve(worker, startMs);
    this.#arrivedWorkMs += this.#options.monotonicMs() - startMs;
  }

  #serve(worker: Worker, startMs: number): void {
    const endMs = startMs + QUANTUM_MS;
    const isLeft = worker.work(() => this.#options.monotonicMs() < endMs);
    if (isLeft) (worker.isPeer ? this.#peers : this.#busy).add(worker);
  }

  #planTurn(): void {
    const isWaited = this.#peers.size + this.#sparse.size + this.#busy.size > 0;
    if (this.#isTurnDue || (this.#arrivedWorkMs < SLICE_MS && !isWaited)) return;
    this.#isTurnDue = true;
    const { afterTurn = setImmediate } = this.#options;
    afterTurn(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isTurnDue = false;
    this.#arrivedWorkMs = 0;
    for (const waiting of [this.#peers, this.#sparse, this.#busy]) this.#serveInTurn(waiting);
    this.#planTurn();
  }

  /** At least one, so that no class can starve another. */
  #serveInTurn(waiting: Set<Worker>): void {
    let nowMs = this.#options.monotonicMs();
    const endMs = nowMs + SLICE_MS;
    for (const worker of waiting) {
      waiting.delete(worker);
      this.#serve(worker, nowMs);
      nowMs = this.#options.monotonicMs();
      if (nowMs >= endMs) return;
    }
  }
}
