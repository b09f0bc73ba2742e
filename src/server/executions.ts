import { ClusterError } from '../core/errors';
import type { MessageOf } from '../core/protocol';
import { encodePlainWithBody, plainBodyLength, type FrameForm } from '../core/transport/frame';
import { type BodyWriter, type Connection, DEFAULT_WRITE_STALL_MS } from '../core/transport/network';
import type { CarrierPlan } from '../imaging/plan';
import { MADE_AHEAD_BYTES, MAIN_THREAD_BYTES, type ImagePool } from '../imaging/pool';
import type { ExecutionOutcome } from './effects';
import { refusal } from './refusal';
import { TimeSlices } from './time-slices';

/** A reader that is slower than this no longer holds a worker's place: what is left goes on beside the next tasks. */
const SLOW_READER_MS = 250;
/**
 * A cancelled answer with less than this left is finished: cheaper for both than a new connection. So is one that shares
 * its connection with other tasks: a body cannot be taken back, and they would be lost with it.
 */
const FINISH_BYTES = 1024 * 1024;
/** After its client has given it up, on a slow way back; then whoever takes a byte now and then is cut off. */
const TAKE_GRACE_MS = 1000;
/** For clients that name no time, as the original's: as long as one may take nothing at all. */
const TAKE_MS = DEFAULT_WRITE_STALL_MS;
/** More than any client has a use for; a named time must not hold memory for ever. */
const MAX_TAKE_MS = 3_600_000;
/** JSON around an answer in the plain form, and an envelope's header: more than either needs. */
const HEADER_BYTES = 4096;

/** Tasks that are remembered because a worker died with them. */
const MAX_DEADLY_TASKS = 256;

interface Held {
  /** The task's name. */
  key: string;
  conn: Connection;
  form: FrameForm;
  secret: Uint8Array;
  /** Set once the execution is not wanted any more. */
  discarded: boolean;
  missingBytes: number;
  /** What it counts in `responseBytes`. */
  countedBytes: number;
  /** When its answer must have been taken. */
  takeByMs: number;
  /** Set once its reader has to be waited for: cuts it off. */
  takeTimer?: NodeJS.Timeout;
}

export interface ExecutionLimits {
  maxFrameBytes: number;
  maxSecretBytes: number;
  maxResponseBytes: number;
}

/** Hides the held secrets and streams the carriers; image bytes live here and nowhere else in the server. */
export class Executions {
  private readonly held = new Map<number, Held>();
  /** Memory held for answers that the kernel has not taken: what is made of them, and what the rest is made from. */
  private responseBytes = 0;
  /** Tasks whose worker died, the latest. */
  private readonly deadly = new Set<string>();
  /** Of carriers that are made on this thread. */
  private readonly slices: TimeSlices;

  constructor(
    private readonly serverId: number,
    private readonly pool: ImagePool,
    private readonly limits: ExecutionLimits,
    private readonly done: (executionId: number, outcome: ExecutionOutcome) => void,
    /** Monotonic; the clock of `deadlineMs`. */
    private readonly nowMs: () => number,
  ) {
    this.slices = new TimeSlices({ nowMs });
  }

  hold(executionId: number, key: string, conn: Connection, form: FrameForm, secret: Uint8Array): void {
    conn.openTaskCount += 1;
    const counts = { missingBytes: 0, countedBytes: 0, takeByMs: Infinity };
    this.held.set(executionId, { key, conn, form, secret, discarded: false, ...counts });
  }

  discard(executionId: number): void {
    const held = this.release(executionId);
    if (!held) return;
    held.discarded = true;
    const { conn, missingBytes } = held;
    if (missingBytes > FINISH_BYTES && conn.openTaskCount === 0 && conn.isBodyAlone) conn.destroy();
  }

  /** `deadlineMs`: when the client gives up; Infinity if it did not say. */
  execute(executionId: number, requestId: number, deadlineMs: number): void {
    const held = this.held.get(executionId);
    if (!held) return;
    const nowMs = this.nowMs();
    held.takeByMs = deadlineMs === Infinity ? nowMs + TAKE_MS : Math.min(deadlineMs, nowMs + MAX_TAKE_MS);
    if (held.secret.length > MAIN_THREAD_BYTES) return this.begin(held, executionId, requestId);
    this.slices.run(() => {
      if (!held.discarded) this.begin(held, executionId, requestId);
    });
  }

  private begin(held: Held, executionId: number, requestId: number): void {
    this.answer(held, requestId, () => this.finish(executionId, 'answered')).then(
      () => this.finish(executionId, 'answered'),
      (error: unknown) => {
        if (!held.discarded && !held.conn.closed) this.refuse(held, requestId, error);
        this.finish(executionId, 'failed');
      },
    );
  }

  /** Ends the execution once; what comes later, of a reader that is slow, changes nothing. */
  private finish(executionId: number, outcome: ExecutionOutcome): void {
    if (this.release(executionId)) this.done(executionId, outcome);
  }

  private release(executionId: number): Held | undefined {
    const held = this.held.get(executionId);
    if (!held) return undefined;
    this.held.delete(executionId);
    held.conn.openTaskCount -= 1;
    return held;
  }

  private async answer(held: Held, requestId: number, park: () => void): Promise<void> {
    try {
      await this.makeAndSend(held, requestId, park);
    } finally {
      clearTimeout(held.takeTimer);
      this.count(held, 0);
    }
  }

  private async makeAndSend(held: Held, requestId: number, park: () => void): Promise<void> {
    const { conn, form, secret } = held;
    const plan = this.pool.plan(secret.length);
    this.checkFits(plan.maxByteLength, form);
    this.count(held, neededBytes(held, plan));
    const response: MessageOf<'TaskResponse'> = {
      kind: 'TaskResponse',
      request_id: requestId,
      success: true,
      error_message: null,
      ...(form === 'envelope' && { server_id: this.serverId }),
    };
    const parts = this.parts(secret);
    const byteLength = await parts.byteLength;
    // Until the body begins a worker's death can be answered, and nobody's frames wait behind it.
    const first = await parts.next();
    if (held.discarded) return parts.cancel();
    if (form === 'plain') {
      const carrier = await collect(first, parts);
      this.checkPlain(carrier);
      return this.sendPlain(held, encodePlainWithBody(response, carrier), park);
    }
    held.missingBytes = byteLength;
    await this.stream(held, first, parts, conn.sendBody(response, byteLength), park);
  }

  /** One frame of up to 64 MiB: it counts until the kernel has taken it, and its reader holds no worker's place. */
  private async sendPlain(held: Held, frame: Uint8Array, park: () => void): Promise<void> {
    const { conn } = held;
    this.count(held, frame.length);
    conn.sendFrame(frame);
    park();
    this.cutOffInTime(held);
    await conn.bodiesWritten();
  }

  private async stream(
    held: Held,
    first: Uint8Array | null,
    parts: Parts,
    writer: BodyWriter,
    park: () => void,
  ): Promise<void> {
    try {
      for (let part = first; part !== null; part = await parts.next()) {
        if (held.conn.closed) return parts.cancel();
        const mayGoOn = writer.write(part);
        held.missingBytes -= part.length;
        if (mayGoOn) continue;
        this.cutOffInTime(held);
        // The last part needs no worker: it only counts until it has been taken.
        if (held.missingBytes === 0) park();
        await drainedOrParked(writer, park);
      }
    } catch (error) {
      held.conn.destroy(); // a body cannot be taken back
      throw error;
    } finally {
      held.missingBytes = 0;
    }
  }

  /**
   * Its reader has to be waited for, and may hold what it was promised until then. Who takes a few bytes now and then would
   * hold it for ever. A body cannot be taken back, so that the connection ends.
   */
  private cutOffInTime(held: Held): void {
    const leftMs = held.takeByMs + TAKE_GRACE_MS - this.nowMs();
    held.takeTimer ??= setTimeout(() => held.conn.destroy(), leftMs);
  }

  /** Small carriers on this thread, large ones part by part from a worker. */
  private parts(secret: Uint8Array): Parts {
    if (secret.length > MAIN_THREAD_BYTES) return this.pool.hide(secret);
    const encoder = this.pool.encoder(secret);
    if (encoder.byteLength !== null) {
      return { byteLength: encoder.byteLength, next: () => encoder.next(), cancel: () => {} };
    }
    let whole = encoder.next();
    const next = (): Uint8Array | null => {
      const part = whole;
      whole = null;
      return part;
    };
    return { byteLength: whole!.length, next, cancel: () => {} };
  }

  private checkFits(byteLength: number, form: FrameForm): void {
    const { maxFrameBytes } = this.limits;
    // In the plain form a byte takes two characters at the least.
    const leastBytes = HEADER_BYTES + (form === 'plain' ? 2 * byteLength : byteLength);
    if (leastBytes > maxFrameBytes) throw doesNotFit(leastBytes, maxFrameBytes);
  }

  private checkPlain(carrier: Uint8Array): void {
    const bytes = HEADER_BYTES + plainBodyLength(carrier);
    if (bytes > this.limits.maxFrameBytes) throw doesNotFit(bytes, this.limits.maxFrameBytes);
  }

  /** From here on an answer holds so much. @throws ClusterError('overloaded') if that is more than there is room for */
  private count(held: Held, bytes: number): void {
    const { maxResponseBytes } = this.limits;
    const moreBytes = bytes - held.countedBytes;
    if (moreBytes > 0 && this.responseBytes + moreBytes > maxResponseBytes) {
      throw new ClusterError(
        'overloaded',
        `answers that wait to be read hold ${this.responseBytes} bytes, ${moreBytes} more would exceed max_response_bytes ${maxResponseBytes}`,
        { retryable: true },
      );
    }
    this.responseBytes += moreBytes;
    held.countedBytes = bytes;
  }

  private refuse({ conn, key }: Held, requestId: number, error: unknown): void {
    const known = error instanceof ClusterError ? error : new ClusterError('internal', String(error));
    const isForElsewhere = known.code === 'internal' && known.retryable && !this.isDeadly(key);
    // A worker died, most likely of something else than this task.
    const { message } = known;
    conn.send(refusal(requestId, isForElsewhere ? { code: 'overloaded', message } : known));
  }

  /**
   * Whether a worker died with this task before. Another server may try it once then; more often, and a task that is the
   * cause would go round until no server has workers.
   */
  private isDeadly(key: string): boolean {
    if (this.deadly.has(key)) return true;
    this.deadly.add(key);
    const [oldest] = this.deadly;
    if (this.deadly.size > MAX_DEADLY_TASKS) this.deadly.delete(oldest!);
    return false;
  }
}

/** What an encoder on this thread and a job in a worker have in common. */
interface Parts {
  byteLength: number | Promise<number>;
  next(): Uint8Array | null | Promise<Uint8Array | null>;
  cancel(): void;
}

/** A stored carrier is made from its secret as it is read; others are made whole first, and so are plain frames. */
function neededBytes({ form, secret }: Held, { byteLength, maxByteLength }: CarrierPlan): number {
  if (byteLength === null || form === 'plain') return maxByteLength;
  return Math.min(byteLength, secret.length + MADE_AHEAD_BYTES);
}

async function collect(first: Uint8Array | null, parts: Parts): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let part = first; part !== null; part = await parts.next()) chunks.push(part);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function drainedOrParked(writer: BodyWriter, park: () => void): Promise<void> {
  const timer = setTimeout(park, SLOW_READER_MS);
  await writer.drained();
  clearTimeout(timer);
}

function doesNotFit(bytes: number, maxBytes: number): ClusterError {
  return new ClusterError(
    'secret_too_large',
    `the answer would need a frame of at least ${bytes} bytes, max_frame_bytes is ${maxBytes}`,
  );
}
