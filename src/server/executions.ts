import { ClusterError } from '../core/errors';
import type { MessageOf } from '../core/protocol';
import { encodePlainWithBody, plainBodyLength, type FrameForm } from '../core/transport/frame';
import type { BodyWriter, Connection } from '../core/transport/network';
import { MAIN_THREAD_BYTES, type ImagePool } from '../imaging/pool';
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
/** JSON around an answer in the plain form, and an envelope's header: more than either needs. */
const HEADER_BYTES = 4096;

interface Held {
  conn: Connection;
  form: FrameForm;
  secret: Uint8Array;
  /** Set once the execution is not wanted any more. */
  discarded: boolean;
  missingBytes: number;
}

export interface ExecutionLimits {
  maxFrameBytes: number;
  maxSecretBytes: number;
  maxResponseBytes: number;
}

/** Hides the held secrets and streams the carriers; image bytes live here and nowhere else in the server. */
export class Executions {
  private readonly held = new Map<number, Held>();
  /** Bytes of carriers that are promised to clients and not yet taken by the kernel. */
  private responseBytes = 0;
  /** Of carriers that are made on this thread. */
  private readonly slices = new TimeSlices({ nowMs: () => performance.now() });

  constructor(
    private readonly serverId: number,
    private readonly pool: ImagePool,
    private readonly limits: ExecutionLimits,
    private readonly done: (executionId: number, outcome: ExecutionOutcome) => void,
  ) {}

  hold(executionId: number, conn: Connection, form: FrameForm, secret: Uint8Array): void {
    conn.openTaskCount += 1;
    this.held.set(executionId, { conn, form, secret, discarded: false, missingBytes: 0 });
  }

  discard(executionId: number): void {
    const held = this.release(executionId);
    if (!held) return;
    held.discarded = true;
    const { conn, missingBytes } = held;
    if (missingBytes > FINISH_BYTES && conn.openTaskCount === 0 && conn.isBodyAlone) conn.destroy();
  }

  execute(executionId: number, requestId: number): void {
    const held = this.held.get(executionId);
    if (!held) return;
    if (held.secret.length > MAIN_THREAD_BYTES) return this.begin(held, executionId, requestId);
    this.slices.run(() => {
      if (!held.discarded) this.begin(held, executionId, requestId);
    });
  }

  private begin(held: Held, executionId: number, requestId: number): void {
    this.answer(held, requestId, () => this.finish(executionId, 'answered')).then(
      () => this.finish(executionId, 'answered'),
      (error: unknown) => {
        if (!held.discarded && !held.conn.closed) this.refuse(held.conn, requestId, error);
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
    const { conn, form, secret } = held;
    const { maxByteLength } = this.pool.plan(secret.length);
    this.checkFits(maxByteLength, form);
    this.checkRoom(maxByteLength);
    const response: MessageOf<'TaskResponse'> = {
      kind: 'TaskResponse',
      request_id: requestId,
      success: true,
      error_message: null,
      ...(form === 'envelope' && { server_id: this.serverId }),
    };
    const parts = this.parts(secret);
    const byteLength = await parts.byteLength;
    if (held.discarded) return parts.cancel();
    if (form === 'plain') {
      const carrier = await collect(parts);
      this.checkPlain(carrier);
      return this.sendPlain(conn, encodePlainWithBody(response, carrier), park);
    }
    await this.stream(held, parts, conn.sendBody(response, byteLength), byteLength, park);
  }

  /** One frame of up to 64 MiB: it counts until the kernel has taken it, and its reader holds no worker's place. */
  private async sendPlain(conn: Connection, frame: Uint8Array, park: () => void): Promise<void> {
    this.checkRoom(frame.length);
    this.responseBytes += frame.length;
    conn.sendFrame(frame);
    park();
    await conn.drained();
    this.responseBytes -= frame.length;
  }

  private async stream(
    held: Held,
    parts: Parts,
    writer: BodyWriter,
    byteLength: number,
    park: () => void,
  ): Promise<void> {
    held.missingBytes = byteLength;
    this.responseBytes += byteLength;
    try {
      for (let part = await parts.next(); part !== null; part = await parts.next()) {
        if (held.conn.closed) return parts.cancel();
        const mayGoOn = writer.write(part);
        this.responseBytes -= part.length;
        held.missingBytes -= part.length;
        if (!mayGoOn && held.missingBytes > 0) await drainedOrParked(writer, park);
      }
    } catch (error) {
      held.conn.destroy(); // a body cannot be taken back
      throw error;
    } finally {
      this.responseBytes -= held.missingBytes;
      held.missingBytes = 0;
    }
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

  private checkRoom(byteLength: number): void {
    const { maxResponseBytes } = this.limits;
    if (this.responseBytes + byteLength <= maxResponseBytes) return;
    throw new ClusterError(
      'overloaded',
      `carriers of ${this.responseBytes} bytes wait to be read, ${byteLength} more would exceed max_response_bytes ${maxResponseBytes}`,
      { retryable: true },
    );
  }

  private refuse(conn: Connection, requestId: number, error: unknown): void {
    const known = error instanceof ClusterError ? error : new ClusterError('internal', String(error));
    conn.send(refusal(requestId, known));
  }
}

/** What an encoder on this thread and a job in a worker have in common. */
interface Parts {
  byteLength: number | Promise<number>;
  next(): Uint8Array | null | Promise<Uint8Array | null>;
  cancel(): void;
}

async function collect(parts: Parts): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let part = await parts.next(); part !== null; part = await parts.next()) chunks.push(part);
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
