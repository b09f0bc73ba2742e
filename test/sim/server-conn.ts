import type { End } from './end';

/** Bytes left to the kernel at which a body waits. */
const HIGH_WATER_BYTES = 128 * 1024;
/** A cancelled body with less than this left is finished: cheaper than a new connection. */
const FINISH_BYTES = 1024 * 1024;
/** The parts in which a large body is written. */
const PIECES = 8;
const MIN_PIECE_BYTES = 64 * 1024;

interface Piece {
  bytes: Uint8Array;
  size: number;
}

interface Frame {
  pieces: Piece[];
  /** Called before the last piece is handed to the socket. */
  beforeLast?(): void;
}

/** A connection that a server accepted: frames are written whole, bodies as they are read. */
export class ServerConn {
  openTasks = 0;
  isSubscriber = false;
  /** The other side has ended its stream and waits for its answers. */
  isHalfOpen = false;
  private readonly frames: Frame[] = [];
  private isWriting = false;

  constructor(
    readonly id: number,
    readonly end: End,
  ) {}

  get unsentBytes(): number {
    return this.end.unsentBytes + this.frames.reduce((sum, frame) => sum + leftBytes(frame), 0);
  }

  send(bytes: Uint8Array): void {
    this.frames.push({ pieces: [{ bytes, size: bytes.length }] });
    this.write();
  }

  /** Sends a head and a body that stands for one of `size` bytes. Returns a function that cancels it. */
  stream(head: Uint8Array, body: Uint8Array, size: number, beforeLast: () => void): () => void {
    const frame: Frame = { pieces: [{ bytes: head, size: head.length }, ...piecesOf(body, size)], beforeLast };
    this.frames.push(frame);
    this.write();
    return () => {
      frame.beforeLast = undefined;
      if (leftBytes(frame) > FINISH_BYTES && this.openTasks === 0 && this.frames.length === 1) this.end.resetBoth();
    };
  }

  /** Writes what the kernel takes; later frames wait for the body before them. */
  write(): void {
    if (this.isWriting) return;
    this.isWriting = true;
    for (let frame = this.frames[0]; frame !== undefined; frame = this.frames[0]) {
      if (frame.pieces.length > 1 && this.end.unsentBytes > HIGH_WATER_BYTES) break;
      const piece = frame.pieces.shift()!;
      if (frame.pieces.length === 0) {
        this.frames.shift();
        frame.beforeLast?.();
      }
      this.end.send(piece.bytes, piece.size);
    }
    this.isWriting = false;
  }
}

function piecesOf(body: Uint8Array, size: number): Piece[] {
  const count = Math.max(1, Math.min(PIECES, Math.floor(size / MIN_PIECE_BYTES), body.length));
  return Array.from({ length: count }, (_, index) => {
    const at = (part: number): number => Math.floor((body.length * part) / count);
    return { bytes: body.subarray(at(index), at(index + 1)), size: size / count };
  });
}

function leftBytes({ pieces }: Frame): number {
  return pieces.reduce((sum, { size }) => sum + size, 0);
}
