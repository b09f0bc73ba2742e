/** Splits the inflated pixels of a PNG into rows, undoes their filters and passes the lowest bits to the sink. */
import { ClusterError } from '../core/errors';
import { AREA, kernel } from './kernel';
import type { PayloadSink } from './payload-sink';

/** A PNG row must fit in the kernel's memory twice. */
export const MAX_ROW_PIXELS = 32_768;
/** Most bytes processed at a time. */
const BATCH_BYTES = 65_536;

/** Takes RGB or RGBA of 8 bits. Between calls it keeps one finished row and the beginning of the next. */
export class RowReader {
  private readonly rowBytes: number;
  /** The last finished row without its filter byte, then the beginning of the next row with it. */
  private readonly kept: Uint8Array;
  private partialBytes = 0;
  /** Bits of a payload byte that began in an earlier row or batch. */
  private bits = 0;
  private bitCount = 0;

  constructor(
    private readonly width: number,
    private readonly bytesPerPixel: 3 | 4,
    private rowsLeft: number,
    private readonly sink: PayloadSink,
  ) {
    this.rowBytes = width * bytesPerPixel;
    this.kept = new Uint8Array(2 * this.rowBytes + 1);
  }

  /** Returns false when no more input is needed. @throws ClusterError('bad_image' | 'verification_failed') */
  push(input: Uint8Array): boolean {
    for (let at = 0; at < input.length; at += BATCH_BYTES) {
      if (!this.pushBatch(input.subarray(at, at + BATCH_BYTES))) return false;
    }
    return !this.sink.done && this.rowsLeft > 0;
  }

  private pushBatch(input: Uint8Array): boolean {
    const { rowBytes, kept, partialBytes } = this;
    const stride = rowBytes + 1;
    if (partialBytes + input.length < stride) {
      kept.set(input, rowBytes + partialBytes);
      this.partialBytes += input.length;
      return true;
    }
    const { bytes } = kernel();
    bytes.set(kept.subarray(0, rowBytes + partialBytes), AREA.samples);
    let at: number = AREA.samples + rowBytes;
    const end = at + partialBytes + input.length;
    bytes.set(input, at + partialBytes);
    this.sink.stage(((end - at) >> 3) + 2);
    for (; end - at >= stride; at += stride) {
      unfilter(bytes, at, rowBytes, this.bytesPerPixel, at - rowBytes);
      this.readRow(at + 1);
      this.rowsLeft--;
      if (this.sink.done || this.rowsLeft === 0) return false;
    }
    kept.set(bytes.subarray(at - rowBytes, end));
    this.partialBytes = end - at;
    return true;
  }

  /** Reads a row of 3 or 4 bytes per pixel at `at`; alpha is skipped. */
  private readRow(at: number): void {
    if (this.bytesPerPixel === 3) {
      this.readSamples(at, this.rowBytes);
      return;
    }
    const { bytes } = kernel();
    let packed: number = AREA.cover;
    for (const end = at + this.rowBytes; at < end; at += 4) {
      bytes[packed++] = bytes[at]!;
      bytes[packed++] = bytes[at + 1]!;
      bytes[packed++] = bytes[at + 2]!;
    }
    this.readSamples(AREA.cover, this.width * 3);
  }

  private readSamples(at: number, count: number): void {
    const end = at + count;
    while (this.bitCount > 0 && at < end) this.readBit(at++);
    const whole = (end - at) >> 3;
    this.sink.takeRun(at, whole);
    for (at += whole * 8; at < end; at++) this.readBit(at);
  }

  private readBit(at: number): void {
    this.bits = (this.bits << 1) | (kernel().bytes[at]! & 1);
    if (++this.bitCount < 8) return;
    this.sink.take(this.bits);
    this.bits = 0;
    this.bitCount = 0;
  }
}

/**
 * Undoes a row's filter in place (PNG, section 9): the row with its filter byte is at `at`, the row above at `above`.
 * The filter byte may share its position with the last byte of the row above, so it is read first.
 */
export function unfilter(bytes: Uint8Array, at: number, rowBytes: number, pixelBytes: number, above: number): void {
  const filter = bytes[at]!;
  const start = at + 1;
  if (filter === 0) return;
  if (filter > 4) throw new ClusterError('bad_image', `the PNG's pixels are damaged: unknown row filter ${filter}`);
  for (let i = 0; i < rowBytes; i++) {
    const left = i < pixelBytes ? 0 : bytes[start + i - pixelBytes]!;
    const up = bytes[above + i]!;
    const corner = i < pixelBytes ? 0 : bytes[above + i - pixelBytes]!;
    bytes[start + i] = bytes[start + i]! + predicted(filter, left, up, corner);
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
