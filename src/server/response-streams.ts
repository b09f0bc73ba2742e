/** Holds the secrets of running tasks, has them hidden, and streams the carriers to the clients. */
import { ClusterError } from '../core/errors';
import type { MessageOf } from '../core/protocol';
import { encodePlainWithBody, plainBodyLength, type FrameForm } from '../core/transport/wire/frame';
import type { BodyWriter, Connection } from '../core/transport/network';
import type { CarrierPlan } from '../imaging/carrier-plan';
import { MADE_AHEAD_BYTES, MAIN_THREAD_BYTES, type ImagePool } from '../imaging/pool';
import { ResponseWatch, type WatchedResponse } from './response-watch';
import type { ExecutionOutcome } from './member/effects';
import { taskRefusal } from './member/task-refusal';
import { TimeSlices } from './time-slices';

/**
 * A cancelled response with less than this left is finished: cheaper for both sides than a new connection. So is one
 * that shares its connection with other tasks: a body cannot be taken back, and they would be lost with it.
 */
const FINISH_BYTES = 1024 * 1024;
/** Most bytes written at once; a part of a stored carrier is smaller. */
const PIECE_BYTES = 1024 * 1024;
/** Bytes of a plain frame sent as its head; the rest is sent as a body. */
const FRAME_HEAD_BYTES = 4;
/** JSON around a response in the plain form, and an envelope's header: more than either needs. */
const HEADER_BYTES = 4096;

/** Number of tasks remembered because a worker died while executing them. */
const MAX_DEADLY_TASKS = 256;

interface Held {
  /** The task's name. */
  key: string;
  conn: Connection;
  form: FrameForm;
  secret: Uint8Array;
  /** Set once the execution is no longer wanted. */
  discarded: boolean;
  /** Bytes of its response not yet given to the connection. */
  missingBytes: number;
}

export interface ResponseLimits {
  maxFrameBytes: number;
  maxSecretBytes: number;
  maxResponseBytes: number;
}

export class ResponseStreams {
  private readonly held = new Map<number, Held>();
  private readonly watch: ResponseWatch;
  /** The latest tasks whose worker died. */
  private readonly deadly = new Set<string>();
  /** Time slices for carriers that are made on this thread. */
  private readonly slices: TimeSlices;

  constructor(
    private readonly serverId: number,
    private readonly pool: ImagePool,
    private readonly limits: ResponseLimits,
    private readonly done: (executionId: number, outcome: ExecutionOutcome) => void,
    /** Monotonic; the clock of `deadlineMs`. */
    nowMs: () => number,
    /** Called with the host of a client whose connection is closed while it reads a response, and the reason. */
    onCutOff?: (host: string, why: string) => void,
  ) {
    this.watch = new ResponseWatch({ maxBytes: limits.maxResponseBytes, maxBeside: pool.workers, nowMs, onCutOff });
    this.slices = new TimeSlices({ nowMs });
  }

  hold(executionId: number, key: string, conn: Connection, form: FrameForm, secret: Uint8Array): void {
    conn.openTaskCount += 1;
    this.held.set(executionId, { key, conn, form, secret, discarded: false, missingBytes: 0 });
  }

  discard(executionId: number): void {
    const held = this.release(executionId);
    if (!held) return;
    held.discarded = true;
    const { conn, missingBytes } = held;
    if (missingBytes > FINISH_BYTES && conn.openTaskCount === 0 && conn.isBodyAlone) conn.destroy();
  }

  /** `deadlineMs`: when the client gives up; Infinity if unknown. */
  execute(executionId: number, requestId: number, deadlineMs: number): void {
    const held = this.held.get(executionId);
    if (!held) return;
    const answer = this.watch.open(held.conn, deadlineMs);
    if (held.secret.length > MAIN_THREAD_BYTES) return this.begin(held, answer, executionId, requestId);
    this.slices.run(() => {
      if (!held.discarded) this.begin(held, answer, executionId, requestId);
    });
  }

  private begin(held: Held, answer: WatchedResponse, executionId: number, requestId: number): void {
    const park = (): void => this.finish(executionId, 'answered');
    this.makeAndSend(held, { ...answer, park }, requestId).then(
      () => this.finish(executionId, 'answered'),
      (error: unknown) => {
        if (!held.discarded && !held.conn.closed) this.refuse(held, requestId, error);
        this.finish(executionId, 'failed');
      },
    );
  }

  /** Ends the execution once; later events of a slow reader change nothing. */
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

  private async makeAndSend(held: Held, answer: Answer, requestId: number): Promise<void> {
    const { conn, form, secret } = held;
    try {
      const plan = this.pool.plan(secret.length);
      this.checkFits(plan.maxByteLength, form);
      answer.hold(neededBytes(held, plan));
      const response: MessageOf<'TaskResponse'> = {
        kind: 'TaskResponse',
        request_id: requestId,
        success: true,
        error_message: null,
        ...(form === 'envelope' && { server_id: this.serverId }),
      };
      const parts = this.parts(secret);
      const byteLength = await parts.byteLength;
      // Until the body begins, a worker's death can be answered, and no other frames wait behind it.
      const first = await parts.next();
      if (held.discarded) return parts.cancel();
      if (form === 'envelope') {
        return await this.stream(held, answer, conn.sendBody(response, byteLength), first, parts);
      }
      const carrier = await collect(first, parts);
      this.checkPlain(carrier);
      await this.sendPlain(held, answer, encodePlainWithBody(response, carrier));
    } finally {
      answer.close();
    }
  }

  /** Sends one frame of up to 64 MiB: it counts until the kernel has taken it, and its reader occupies no worker. */
  private async sendPlain(held: Held, answer: Answer, frame: Uint8Array): Promise<void> {
    answer.hold(frame.length);
    answer.park();
    const writer = held.conn.beginFrame(frame.subarray(0, FRAME_HEAD_BYTES), frame.length - FRAME_HEAD_BYTES);
    await this.stream(held, answer, writer, frame.subarray(FRAME_HEAD_BYTES), NO_PARTS);
  }

  private async stream(
    held: Held,
    answer: Answer,
    writer: BodyWriter,
    first: Uint8Array | null,
    parts: Parts,
  ): Promise<void> {
    let unmadeBytes = writer.missingBytes;
    held.missingBytes = unmadeBytes;
    try {
      for (let part = first; part !== null; part = await parts.next()) {
        unmadeBytes -= part.length;
        // The kernel reports progress only at the end of a write, which must not be a whole carrier.
        for (const piece of pieces(part)) {
          if (held.conn.closed) return parts.cancel();
          held.missingBytes -= piece.length;
          // Recorded before the last bytes leave: no client has a carrier that a killed server did not record. They need
          // no worker, and only count until they have been taken.
          if (held.missingBytes === 0) answer.park();
          if (writer.write(piece)) continue;
          // Nor does the rest of the last part.
          if (unmadeBytes === 0) answer.park();
          await answer.taken(writer, answer.park);
        }
      }
    } catch (error) {
      held.conn.destroy(); // a body cannot be taken back
      throw error;
    } finally {
      held.missingBytes = 0;
    }
  }

  /** Makes small carriers on this thread, large ones part by part in a worker. */
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
    // In the plain form a byte takes at least two characters.
    const leastBytes = HEADER_BYTES + (form === 'plain' ? 2 * byteLength : byteLength);
    if (leastBytes > maxFrameBytes) throw doesNotFit(leastBytes, maxFrameBytes);
  }

  private checkPlain(carrier: Uint8Array): void {
    const bytes = HEADER_BYTES + plainBodyLength(carrier);
    if (bytes > this.limits.maxFrameBytes) throw doesNotFit(bytes, this.limits.maxFrameBytes);
  }

  private refuse({ conn, key }: Held, requestId: number, error: unknown): void {
    const known = error instanceof ClusterError ? error : new ClusterError('internal', String(error));
    // A worker died, most likely for another reason than this task.
    const isForElsewhere = known.code === 'internal' && known.retryable && !this.isDeadly(key);
    const { message } = known;
    conn.send(taskRefusal(requestId, isForElsewhere ? { code: 'overloaded', message } : known));
  }

  /**
   * Returns true if a worker died with this task before. Another server may try it after the first death only: a task
   * that is the cause would travel until no server has workers left.
   */
  private isDeadly(key: string): boolean {
    if (this.deadly.has(key)) return true;
    this.deadly.add(key);
    const [oldest] = this.deadly;
    if (this.deadly.size > MAX_DEADLY_TASKS) this.deadly.delete(oldest!);
    return false;
  }
}

/** A response being read, and the means to give its worker to the next task. */
type Answer = WatchedResponse & { park(): void };

/** The common interface of an encoder on this thread and a job in a worker. */
interface Parts {
  byteLength: number | Promise<number>;
  next(): Uint8Array | null | Promise<Uint8Array | null>;
  cancel(): void;
}

const NO_PARTS: Parts = { byteLength: 0, next: () => null, cancel: () => {} };

function* pieces(part: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < part.length; at += PIECE_BYTES) yield part.subarray(at, at + PIECE_BYTES);
}

/**
 * Returns the memory needed: a stored carrier is made as it is read; others, and plain frames, are made whole first.
 */
function neededBytes({ form, secret }: Held, { byteLength, maxByteLength }: CarrierPlan): number {
  if (byteLength === null || form === 'plain') return maxByteLength;
  return Math.min(byteLength, secret.length + MADE_AHEAD_BYTES);
}

async function collect(first: Uint8Array | null, parts: Parts): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let part = first; part !== null; part = await parts.next()) chunks.push(part);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function doesNotFit(bytes: number, maxBytes: number): ClusterError {
  return new ClusterError(
    'secret_too_large',
    `the response would need a frame of at least ${bytes} bytes, max_frame_bytes is ${maxBytes}`,
  );
}
