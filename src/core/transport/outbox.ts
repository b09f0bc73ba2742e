/**
 * The writing half of a connection: frames are written whole, in the order in which they were begun. While one frame's
 * body is being written, everything begun after it waits in memory.
 */
import type { Socket } from 'node:net';
import { ClusterError } from '../errors';

interface QueuedFrame {
  /** Parts that wait for the frames before. */
  parts: Uint8Array[];
  /** Bytes that the owner has yet to supply. */
  missingBytes: number;
}

interface Waiter {
  /** The frame that must be at the front; 'all': no frame may be unfinished; undefined: any. */
  frame: QueuedFrame | 'all' | undefined;
  resolve(): void;
}

/** Writes the body of one frame; exactly the announced number of bytes must be written, or the connection destroyed. */
export interface BodyWriter {
  /**
   * Returns false if the caller should wait for `drained()` before the next chunk, or memory grows. The chunk must not
   * be changed afterwards.
   */
  write(chunk: Uint8Array): boolean;
  /** Resolves when more may be written, and when the connection has closed. Never rejects. */
  drained(): Promise<void>;
  readonly missingBytes: number;
}

export class Outbox {
  /** The first one is being written; empty when all frames are complete. */
  private readonly frames: QueuedFrame[] = [];
  private queuedBytes = 0;
  private waiters: Waiter[] = [];
  /** Start of the body being written, in bytes handed to the socket. */
  private bodyStartBytes = 0;
  private isClosed = false;
  private isCorked = false;

  constructor(private readonly socket: Socket) {
    socket.on('drain', () => this.wake());
  }

  /** Bytes handed over that the kernel has not taken. */
  get bufferedBytes(): number {
    return this.queuedBytes + this.socket.writableLength;
  }

  get isInsideBody(): boolean {
    return this.frames.length > 0;
  }

  /** True if a body is being written, nothing waits behind it, and the kernel has everything sent before it. */
  get isBodyAlone(): boolean {
    const { bytesWritten, writableLength } = this.socket;
    return this.frames.length === 1 && bytesWritten - writableLength >= this.bodyStartBytes;
  }

  /** Sends a complete frame. */
  send(frame: Uint8Array): void {
    if (this.isClosed) return;
    if (this.frames.length === 0) this.socket.write(frame);
    else this.queue({ parts: [frame], missingBytes: 0 }, frame.length);
  }

  /**
   * Begins a frame with its head; `bodyLength` bytes follow through the writer. The head is sent with the first chunk.
   */
  begin(head: Uint8Array, bodyLength: number): BodyWriter {
    const frame: QueuedFrame = { parts: [], missingBytes: bodyLength };
    if (!this.isClosed) {
      if (this.frames.length > 0) {
        frame.parts.push(head);
        this.queue(frame, head.length);
      } else {
        if (bodyLength > 0) this.frames.push(frame);
        this.bodyStartBytes = this.socket.bytesWritten;
        this.corkForThisTurn();
        this.socket.write(head);
      }
    }
    return {
      write: (chunk) => this.writeBody(frame, chunk),
      drained: () => this.onDrained(frame),
      get missingBytes() {
        return frame.missingBytes;
      },
    };
  }

  /** Resolves when the kernel has taken enough that more may be sent, and when closed. */
  drained(): Promise<void> {
    return this.onDrained(undefined);
  }

  /** Resolves when every body that was begun has been written completely, and when closed. */
  bodiesWritten(): Promise<void> {
    return this.onDrained('all');
  }

  /** Stops writing and wakes everyone who waits. */
  close(): void {
    this.isClosed = true;
    this.frames.length = 0;
    this.queuedBytes = 0;
    for (const waiter of this.waiters.splice(0)) waiter.resolve();
  }

  /** Sends everything that is written in this turn of the event loop in one system call. */
  corkForThisTurn(): void {
    if (this.isCorked) return;
    this.isCorked = true;
    this.socket.cork();
    process.nextTick(() => {
      this.isCorked = false;
      this.socket.uncork();
    });
  }

  private queue(frame: QueuedFrame, bytes: number): void {
    this.frames.push(frame);
    this.queuedBytes += bytes;
  }

  private writeBody(frame: QueuedFrame, chunk: Uint8Array): boolean {
    if (chunk.length > frame.missingBytes) {
      throw new ClusterError('internal', `${chunk.length} bytes for a body with ${frame.missingBytes} bytes missing`);
    }
    frame.missingBytes -= chunk.length;
    if (this.isClosed) return true;
    if (this.frames[0] !== frame) {
      frame.parts.push(chunk);
      this.queuedBytes += chunk.length;
      return false;
    }
    const isRoom = this.socket.write(chunk);
    if (frame.missingBytes === 0) this.advance();
    return isRoom;
  }

  /** The front frame is complete: writes what waited behind it, up to the next incomplete frame. */
  private advance(): void {
    this.corkForThisTurn();
    this.frames.shift();
    for (let next = this.frames[0]; next !== undefined; next = this.frames[0]) {
      this.bodyStartBytes = this.socket.bytesWritten;
      for (const part of next.parts.splice(0)) {
        this.queuedBytes -= part.length;
        this.socket.write(part);
      }
      if (next.missingBytes > 0) break;
      this.frames.shift();
    }
    this.wake();
  }

  private onDrained(frame: Waiter['frame']): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push({ frame, resolve });
      this.wake();
    });
  }

  private wake(): void {
    if (this.waiters.length === 0 || (this.socket.writableNeedDrain && !this.isClosed)) return;
    const isReady = ({ frame }: Waiter): boolean => {
      if (this.isClosed || frame === undefined || this.frames.length === 0) return true;
      return frame !== 'all' && (this.frames[0] === frame || !this.frames.includes(frame));
    };
    const ready = this.waiters.filter(isReady);
    if (ready.length === 0) return;
    this.waiters = this.waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }
}
