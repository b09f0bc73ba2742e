/** The main thread's half of a job: the reader's side of a carrier that a worker makes, requested a few parts ahead. */
import { ClusterError } from '../core/errors';

/** A carrier being made, with a single reader. */
export interface PoolJob {
  /** Size of the whole PNG; rejects when `next` would. */
  readonly byteLength: Promise<number>;
  /** Returns the next bytes, null at the end. One call at a time. Rejects with ClusterError. */
  next(): Promise<Uint8Array | null>;
  /** Abandons the job: what has been made is dropped, a waiting `next` rejects with ClusterError('cancelled'). */
  cancel(): void;
}

/** Parts requested ahead of the reader, so that it seldom waits. */
export const PARTS_AHEAD = 2;

interface Waiter {
  resolve(part: Uint8Array | null): void;
  reject(error: ClusterError): void;
}

/** Knows no worker: the pool connects it to one. */
export class WorkerJob implements PoolJob {
  readonly byteLength: Promise<number>;
  private readonly ready: (Uint8Array | null)[] = [];
  private waiter: Waiter | undefined;
  private error: ClusterError | undefined;
  private over = false;
  private tellLength!: (byteLength: number) => void;
  private failLength!: (error: ClusterError) => void;

  /** `pull` asks the worker for one part, `ended` is called once, `cancelled` if the worker has not been notified. */
  constructor(
    private readonly pull: () => void,
    private readonly ended: (cancelled: boolean) => void,
  ) {
    this.byteLength = new Promise((resolve, reject) => {
      this.tellLength = resolve;
      this.failLength = reject;
    });
    // A caller that only reads the parts learns of failures there.
    this.byteLength.catch(() => undefined);
  }

  /** The worker has the job. */
  begin(): void {
    for (let part = 0; part < PARTS_AHEAD; part++) this.pull();
  }

  known(byteLength: number): void {
    this.tellLength(byteLength);
  }

  deliver(part: Uint8Array | null): void {
    if (this.over) return;
    if (part === null) this.end(false);
    this.ready.push(part);
    this.satisfy();
  }

  fail(error: ClusterError, cancelled = false): void {
    if (this.error !== undefined) return;
    this.error = error;
    this.ready.length = 0;
    this.failLength(error);
    if (!this.over) this.end(cancelled);
    this.satisfy();
  }

  cancel(): void {
    this.fail(new ClusterError('cancelled', 'the job was cancelled'), true);
  }

  next(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      if (this.waiter !== undefined)
        throw new ClusterError('internal', 'next() was called while another call is waiting');
      this.waiter = { resolve, reject };
      this.satisfy();
    });
  }

  private satisfy(): void {
    const { waiter } = this;
    if (waiter === undefined || (this.error === undefined && this.ready.length === 0)) return;
    this.waiter = undefined;
    if (this.error !== undefined) return waiter.reject(this.error);
    // The end is kept, for a reader that asks again.
    const part = this.ready[0] === null ? null : this.ready.shift()!;
    if (part !== null && !this.over) this.pull();
    waiter.resolve(part);
  }

  private end(cancelled: boolean): void {
    this.over = true;
    this.ended(cancelled);
  }
}
