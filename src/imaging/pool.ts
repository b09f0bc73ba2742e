/**
 * Makes carriers in worker threads. The cover is decoded once, in a separate thread; all workers and this thread share
 * its pyramid. Parts are made only as they are read, two ahead.
 */
import { Worker } from 'node:worker_threads';
import { ClusterError } from '../core/errors';
import { CarrierEncoder } from './carrier';
import { CoverPyramid } from './cover-pyramid';
import { PART_BYTES, planCarrier } from './carrier-plan';
import type { CarrierPlan, Compression } from './carrier-plan';
import { PARTS_AHEAD, WorkerJob } from './pool-job';
import type { PoolJob } from './pool-job';
import { DEFAULT_MAX_SECRET_BYTES } from './sizes';
import type { WorkerAnswer, WorkerStart } from './worker-messages';

export type { PoolJob } from './pool-job';

export interface ImagePoolOptions {
  /** Most worker threads; all but the first are started only when the others are busy. */
  workers: number;
  /** The content of the cover file. */
  cover: Uint8Array;
  compression: Compression;
  /** image-worker.ts, bundled. */
  workerSource: string;
  /** Default 7 MiB. */
  maxSecretBytes?: number;
}

/** A pool whose workers die this often in a row without finishing a part is broken: the job is not the cause. */
const MAX_DEATHS_IN_A_ROW = 5;

/**
 * Up to this secret size, making a carrier with `encoder` on the main thread is better. Measured by
 * test/bench/imaging.ts (2 noisy cores, 612 × 405 cover, one job at a time): CPU µs on the main thread alone → CPU µs
 * in total with a worker (of these on the main thread). 1 KB 9 → 118 (68), 36,734 B 166 → 423 (129), 100 KB 434 → 583
 * (108), 250 KB 1,100 → 1,290 (160), 500 KB 3,970 → 5,150 (470), 1 MB 6,470 → 8,900 (770). So a worker always costs
 * more CPU in total; beyond this limit it is worth it, because the event loop would be blocked for longer than 1 ms.
 * (Encoded part by part, with turns of the loop between, even 5 MB block it for no more than 1 ms at a time, as long as
 * nothing else is urgent.)
 */
export const MAIN_THREAD_BYTES = 256 * 1024;

/** Most of a stored carrier made at a time: the parts ahead, the one that its reader takes, and one on its way. */
export const MADE_AHEAD_BYTES = (PARTS_AHEAD + 2) * PART_BYTES;

interface Thread {
  worker: Worker;
  jobs: Map<number, WorkerJob>;
}

export class ImagePool {
  /** Resolves with the cover's stored size; rejects with ClusterError('bad_image' | 'internal') if decoding fails. */
  readonly ready: Promise<{ width: number; height: number }>;
  /** Rejects with the reason once no more workers can be started; otherwise pending, even after the pool is closed. */
  readonly failed: Promise<never>;
  private readonly threads = new Set<Thread>();
  private decoder: Worker | undefined;
  private pyramid: CoverPyramid | undefined;
  private broken: ClusterError | undefined;
  private deaths = 0;
  private lastId = 0;
  private tellReady!: (size: { width: number; height: number }) => void;
  private failReady!: (error: ClusterError) => void;
  private fail!: (error: ClusterError) => void;

  constructor(private readonly options: ImagePoolOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.tellReady = resolve;
      this.failReady = reject;
    });
    this.ready.catch(() => undefined);
    this.failed = new Promise((_, reject) => (this.fail = reject));
    this.failed.catch(() => undefined);
    this.startDecoder();
  }

  /** Returns the planned size of a carrier. @throws ClusterError('secret_empty' | 'secret_too_large') */
  plan(secretBytes: number): CarrierPlan {
    return planCarrier(this.readyPyramid().sizes, secretBytes, this.options.compression);
  }

  /** Returns an encoder for this thread, for secrets up to MAIN_THREAD_BYTES. @throws as `plan` */
  encoder(secret: Uint8Array): CarrierEncoder {
    return new CarrierEncoder(this.readyPyramid(), secret, this.options.compression);
  }

  /** The number of jobs that are worked on at once. */
  get workers(): number {
    return this.options.workers;
  }

  /**
   * Begins a carrier in a worker. The pool takes over the secret: if it fills its ArrayBuffer it is moved to the worker
   * (the caller's array becomes empty), otherwise it is copied.
   * @throws as `plan`, or ClusterError('internal') if the pool is closed or its workers keep dying.
   */
  hide(secret: Uint8Array): PoolJob {
    if (this.broken !== undefined) throw this.broken;
    const { byteLength } = this.plan(secret.length);
    const id = ++this.lastId;
    const thread = this.freest();
    const job = new WorkerJob(
      () => thread.worker.postMessage({ kind: 'pull', id }),
      (cancelled) => {
        thread.jobs.delete(id);
        if (cancelled) thread.worker.postMessage({ kind: 'cancel', id });
      },
    );
    if (byteLength !== null) job.known(byteLength);
    const whole = secret.byteLength === secret.buffer.byteLength && secret.buffer instanceof ArrayBuffer;
    const moved = whole ? secret : secret.slice();
    thread.worker.postMessage({ kind: 'job', id, secret: moved }, [moved.buffer as ArrayBuffer]);
    thread.jobs.set(id, job);
    job.begin();
    return job;
  }

  /** Ends all workers; their jobs fail with ClusterError('cancelled'). */
  async close(): Promise<void> {
    this.breakDown(new ClusterError('cancelled', 'the image pool is closed'));
    const workers = [...this.threads].map(({ worker }) => worker);
    if (this.decoder !== undefined) workers.push(this.decoder);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  private readyPyramid(): CoverPyramid {
    if (this.pyramid === undefined) throw this.broken ?? new ClusterError('internal', 'the cover is not decoded yet');
    return this.pyramid;
  }

  private freest(): Thread {
    let best: Thread | undefined;
    for (const thread of this.threads) if (best === undefined || thread.jobs.size < best.jobs.size) best = thread;
    if (best === undefined || (best.jobs.size > 0 && this.threads.size < this.options.workers))
      return this.startThread();
    return best;
  }

  /** Decodes the cover in a thread that then ends: only that frees the decoder's memory (200 MB for 12 MP). */
  private startDecoder(): void {
    const { cover } = this.options;
    const worker = this.newWorker({ cover, pyramid: null });
    this.decoder = worker;
    let cause: unknown;
    worker.on('message', (answer: WorkerAnswer) => {
      if (answer.kind === 'pyramid') this.begin(new CoverPyramid(answer.pyramid));
      else if (answer.kind === 'failed') this.breakDown(new ClusterError(answer.code, answer.message));
    });
    worker.on('error', (error) => (cause = error));
    worker.on('exit', (code) => {
      this.decoder = undefined;
      if (this.pyramid === undefined) this.breakDown(death(cause, code));
    });
  }

  private begin(pyramid: CoverPyramid): void {
    if (this.broken !== undefined) return;
    this.pyramid = pyramid;
    // Starts the first one now, so that no task waits for it.
    this.startThread();
    this.tellReady(pyramid.shared.native);
  }

  private newWorker(what: Pick<WorkerStart, 'cover' | 'pyramid'>): Worker {
    const { compression, workerSource, maxSecretBytes = DEFAULT_MAX_SECRET_BYTES } = this.options;
    const workerData: WorkerStart = { compression, maxSecretBytes, ...what };
    return new Worker(workerSource, { eval: true, workerData });
  }

  private startThread(): Thread {
    const worker = this.newWorker({ cover: null, pyramid: this.readyPyramid().shared });
    const thread: Thread = { worker, jobs: new Map() };
    let cause: unknown;
    worker.on('message', (answer: WorkerAnswer) => this.receive(thread, answer));
    worker.on('error', (error) => (cause = error));
    worker.on('exit', (code) => this.lose(thread, death(cause, code)));
    this.threads.add(thread);
    return thread;
  }

  private receive(thread: Thread, answer: WorkerAnswer): void {
    if (answer.kind === 'pyramid') return;
    if (answer.kind === 'failed') {
      const error = new ClusterError(answer.code, answer.message);
      if (answer.id !== null) thread.jobs.get(answer.id)?.fail(error);
      return;
    }
    this.deaths = 0;
    const job = thread.jobs.get(answer.id);
    job?.known(answer.byteLength);
    job?.deliver(answer.part);
  }

  /** A worker died: its jobs fail, and the next one is started. */
  private lose(thread: Thread, error: ClusterError): void {
    this.threads.delete(thread);
    for (const job of [...thread.jobs.values()]) job.fail(error);
    if (this.broken !== undefined) return;
    if (++this.deaths >= MAX_DEATHS_IN_A_ROW) {
      this.breakDown(error);
      this.fail(new ClusterError('internal', `no image workers left, ${this.deaths} died in a row: ${error.message}`));
    } else if (this.threads.size === 0) this.startThread();
  }

  private breakDown(error: ClusterError): void {
    this.broken ??= error;
    this.failReady(this.broken);
    for (const { jobs } of this.threads) for (const job of [...jobs.values()]) job.fail(error);
  }
}

function death(cause: unknown, exitCode: number): ClusterError {
  // Only the message: the stack of an evaluated source quotes whole lines of it, which can be the decoder's 200 KB.
  const why = cause instanceof Error ? cause.message : `exit code ${exitCode}`;
  return new ClusterError('internal', `an image worker died: ${why.slice(0, 300)}`, { retryable: true });
}
