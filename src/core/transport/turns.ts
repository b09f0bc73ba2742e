/**
 * Shares one thread among many connections, so that one that sends a lot at once cannot make the others wait. It is
 * fair queueing with priority for sparse flows (RFC 8290, section 4.2): a connection with nothing waiting is served at
 * once; one that did not finish within its quantum joins the busy ones, which take turns.
 */

/**
 * CPU time for one class of connections before timers, sockets and the other classes get their turn. A turn must be
 * short: libuv accepts one connection per turn, so a client that dials waits one turn for each client that dialed
 * before it.
 */
export const SLICE_MS = 1;
/** CPU time for one connection before the next one gets its turn: a few messages. */
export const QUANTUM_MS = 0.25;

/**
 * A connection with more than this waiting is not a sparse flow: part of it may be one long message, which cannot be
 * divided.
 */
const SPARSE_BYTES = 16 * 1024;

export interface Worker {
  /** True for a link with another server: served before the others, within a slice of its own. */
  readonly isPeer: boolean;
  /** Bytes waiting, and bytes already received of the same message. */
  readonly waitingBytes: number;
  /** Works until nothing is left, or `mayGoOn` returns false between two pieces; returns true if something is left. */
  work(mayGoOn: () => boolean): boolean;
  /** Runs work that no event of the connection's socket started; see guard.ts. */
  guarded(work: () => void): void;
}

export interface TurnsOptions {
  /** Returns monotonic time. */
  monotonicMs(): number;
  /** Calls back after sockets and timers have had their turn. Default: setImmediate. */
  afterTurn?(callback: () => void): void;
}

export class Turns {
  private readonly peers = new Set<Worker>();
  /** Had nothing waiting before, but this turn's slice was used up. */
  private readonly sparse = new Set<Worker>();
  /** Did not finish within a quantum, or has long messages. */
  private readonly busy = new Set<Worker>();
  /** Work done on arrival of bytes, since the last turn. */
  private arrivedWorkMs = 0;
  private isTurnDue = false;

  constructor(private readonly options: TurnsOptions) {}

  private get isWaited(): boolean {
    return this.peers.size + this.sparse.size + this.busy.size > 0;
  }

  /** Input arrived for `worker`, inside its guard: it works now if this turn has time left, else in a later turn. */
  arrived(worker: Worker): void {
    if (this.isWaited && (this.peers.has(worker) || this.sparse.has(worker) || this.busy.has(worker))) return;
    if (worker.isPeer || this.arrivedWorkMs < SLICE_MS) this.serveArrived(worker);
    else (worker.waitingBytes <= SPARSE_BYTES ? this.sparse : this.busy).add(worker);
    this.planTurn();
  }

  /** Schedules a turn only when there is a reason: one after every arrival would cost as much as the work itself. */
  private serveArrived(worker: Worker): void {
    const startMs = this.options.monotonicMs();
    this.serve(worker, startMs);
    this.arrivedWorkMs += this.options.monotonicMs() - startMs;
  }

  private serve(worker: Worker, startMs: number): void {
    const endMs = startMs + QUANTUM_MS;
    const isLeft = worker.work(() => this.options.monotonicMs() < endMs);
    if (isLeft) (worker.isPeer ? this.peers : this.busy).add(worker);
  }

  private planTurn(): void {
    if (this.isTurnDue || (this.arrivedWorkMs < SLICE_MS && !this.isWaited)) return;
    this.isTurnDue = true;
    const { afterTurn = setImmediate } = this.options;
    afterTurn(() => this.nextTurn());
  }

  private nextTurn(): void {
    this.isTurnDue = false;
    this.arrivedWorkMs = 0;
    for (const waiting of [this.peers, this.sparse, this.busy]) this.serveInTurn(waiting);
    this.planTurn();
  }

  /** Serves at least one, so that no class can starve another. */
  private serveInTurn(waiting: Set<Worker>): void {
    let nowMs = this.options.monotonicMs();
    const endMs = nowMs + SLICE_MS;
    for (const worker of waiting) {
      waiting.delete(worker);
      worker.guarded(() => this.serve(worker, nowMs));
      nowMs = this.options.monotonicMs();
      if (nowMs >= endMs) return;
    }
  }
}
