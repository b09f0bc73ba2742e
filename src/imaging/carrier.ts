/** Makes the carrier of one secret, a PNG of the cover with the secret in its lowest bits, part by part. */
import { constants, crc32, deflateSync } from 'node:zlib';
import { adler32, AREA, kernel } from './kernel';
import type { CoverPyramid } from './cover-pyramid';
import { bigEndian, embedByte, Payload } from './lsb.pure';
import { planCarrier, STORED_HEADER_BYTES, storedLayout } from './carrier-plan';
import type { CarrierPlan, Compression, StoredLayout } from './carrier-plan';
import { CHUNK_OVERHEAD_BYTES, HEAD_BYTES, IEND, sealChunk, writeHead } from './png';
import type { Level } from './level';

/** zlib header: deflate, 32 KiB window, fastest. */
const ZLIB_HEADER = Uint8Array.of(0x78, 0x01);
const ADLER_BYTES = 4;

const ZLIB_OPTIONS = {
  huffman: { level: 1, strategy: constants.Z_HUFFMAN_ONLY },
  fast: { level: 1 },
};

/**
 * Makes `stored` carriers strip by strip, each part about 512 KiB in a separate buffer; the others are deflated whole
 * at the first `next()` and returned as one part. The secret must not change until the last part has been returned.
 */
export class CarrierEncoder {
  readonly plan: CarrierPlan;
  private readonly level: Level;
  private readonly payload: Payload;
  private readonly layout: StoredLayout;
  private row = 0;
  private adler = 1;
  private encodedBytes: number | null;

  /** @throws ClusterError('secret_empty' | 'secret_too_large') */
  constructor(
    pyramid: CoverPyramid,
    secret: Uint8Array,
    private readonly compression: Compression,
  ) {
    this.plan = planCarrier(pyramid.sizes, secret.length, compression);
    this.level = pyramid.levels[this.plan.level]!;
    this.payload = new Payload(secret, crc32(secret));
    this.layout = storedLayout(this.plan.width, this.plan.rows);
    this.encodedBytes = this.plan.byteLength;
  }

  /** Bytes of the whole PNG; null until known (`huffman`, `fast`: after the first `next()`). */
  get byteLength(): number | null {
    return this.encodedBytes;
  }

  /**
   * Returns the next bytes of the PNG, or null when it is complete. The buffer is the caller's and can be transferred.
   * (Recycling buffers was tried and gains nothing: the allocator does it already.)
   */
  next(): Uint8Array | null {
    if (this.row === this.plan.rows) return null;
    return this.compression === 'stored' ? this.storedPart() : this.deflated(ZLIB_OPTIONS[this.compression]);
  }

  private storedPart(): Uint8Array {
    const { width, rows } = this.plan;
    const { rowsPerBlock, rowsPerPart } = this.layout;
    const first = this.row === 0;
    const end = Math.min(rows, this.row + rowsPerPart);
    const last = end === rows;
    const blocks = Math.ceil((end - this.row) / rowsPerBlock);
    const pixelBytes = (end - this.row) * (width * 3 + 1) + blocks * STORED_HEADER_BYTES;
    const dataBytes = (first ? ZLIB_HEADER.length : 0) + pixelBytes + (last ? ADLER_BYTES : 0);
    const chunkAt = first ? HEAD_BYTES : 0;
    const part = Buffer.allocUnsafeSlow(chunkAt + CHUNK_OVERHEAD_BYTES + dataBytes + (last ? IEND.length : 0));
    let at = chunkAt + 8;
    if (first) {
      writeHead(part, width, rows);
      part.set(ZLIB_HEADER, at);
      at += ZLIB_HEADER.length;
    }
    while (this.row < end) at = this.storedBlock(part, at, Math.min(end, this.row + rowsPerBlock));
    if (last) {
      part.set(bigEndian(this.adler), at);
      part.set(IEND, at + ADLER_BYTES + 4);
    }
    sealChunk(part, chunkAt, 'IDAT', dataBytes);
    return part;
  }

  /** Writes one stored block with the rows up to `endRow`; returns the position of the next one. */
  private storedBlock(part: Uint8Array, at: number, endRow: number): number {
    const final = endRow === this.plan.rows;
    const length = this.makeRows(endRow);
    this.adler = adler32(kernel(), this.adler, AREA.samples, length);
    part[at] = final ? 1 : 0;
    part[at + 1] = length;
    part[at + 2] = length >> 8;
    part[at + 3] = ~length;
    part[at + 4] = ~length >> 8;
    part.set(kernel().bytes.subarray(AREA.samples, AREA.samples + length), at + STORED_HEADER_BYTES);
    return at + STORED_HEADER_BYTES + length;
  }

  private deflated(options: { level: number; strategy?: number }): Uint8Array {
    const { width, rows } = this.plan;
    const raw = Buffer.allocUnsafeSlow(rows * (width * 3 + 1));
    for (let at = 0; this.row < rows;) {
      const length = this.makeRows(Math.min(rows, this.row + this.layout.rowsPerBlock));
      raw.set(kernel().bytes.subarray(AREA.samples, AREA.samples + length), at);
      at += length;
    }
    const data = deflateSync(raw, options);
    const part = Buffer.allocUnsafeSlow(HEAD_BYTES + CHUNK_OVERHEAD_BYTES + data.length + IEND.length);
    writeHead(part, width, rows);
    part.set(data, HEAD_BYTES + 8);
    sealChunk(part, HEAD_BYTES, 'IDAT', data.length);
    part.set(IEND, part.length - IEND.length);
    this.encodedBytes = part.length;
    return part;
  }

  /** Makes the rows up to `endRow`, each with its filter byte (None), in the kernel's samples; returns their bytes. */
  private makeRows(endRow: number): number {
    const loops = kernel();
    const { rowBytes } = this.level;
    const sampleBytes = rowBytes * 8;
    const from = this.row * rowBytes;
    const to = Math.min(endRow * rowBytes, this.payload.byteLength);
    this.level.copyRows(loops.bytes, AREA.cover, this.row, endRow);
    this.payload.copy(loops.bytes, AREA.payload, from, to);
    let out: number = AREA.samples;
    for (
      let cover: number = AREA.cover, at = from;
      this.row < endRow;
      this.row++, cover += sampleBytes, at += rowBytes
    ) {
      loops.bytes[out++] = 0;
      const count = Math.min(rowBytes, to - at);
      loops.embed(cover, AREA.payload + at - from, out, count >> 1);
      if (count < rowBytes) this.finishRow(cover, AREA.payload + at - from, out, count);
      out += sampleBytes;
    }
    return out - AREA.samples;
  }

  /** Makes the rest of the last row: the payload's odd byte, then the unchanged cover. */
  private finishRow(cover: number, payload: number, out: number, count: number): void {
    const { bytes } = kernel();
    const done = (count & ~1) * 8;
    bytes.copyWithin(out + done, cover + done, cover + this.level.rowBytes * 8);
    if (count & 1) embedByte(bytes, out + done, bytes[payload + count - 1]!);
  }
}
