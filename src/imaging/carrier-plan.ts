/** Plans a carrier before any work is done: the size of the cover that it uses, its rows and its bytes. */
import { ClusterError } from '../core/errors';
import { payloadBytes } from './lsb.pure';
import { CHUNK_OVERHEAD_BYTES, HEAD_BYTES, IEND } from './png';
import { levelFor } from './sizes';
import type { LevelSize } from './sizes';

/** The deflate mode of a carrier's pixels: not at all, Huffman codes only, or zlib's level 1. */
export type Compression = 'stored' | 'huffman' | 'fast';

export interface CarrierPlan {
  /** The index of the pyramid's size. */
  level: number;
  /** Pixels per row. */
  width: number;
  /** Rows that the payload needs; the image is cut below them. */
  rows: number;
  /** Size of the whole PNG; null: known only after encoding. */
  byteLength: number | null;
  /** Upper bound of the PNG's size. */
  maxByteLength: number;
}

/** Deflate's limit for one stored block. */
const STORED_BLOCK_BYTES = 65_535;
export const STORED_HEADER_BYTES = 5;
/** zlib header (2) and Adler-32 (4). */
const ZLIB_BYTES = 6;
/** Approximate part of a stored carrier that one `next()` makes: 0.3 ms of CPU. */
export const PART_BYTES = 512 * 1024;

/**
 * Plans with the smallest size that holds the secret.
 * @throws ClusterError('secret_empty' | 'secret_too_large') if the pyramid has no size for this secret.
 */
export function planCarrier(sizes: readonly LevelSize[], secretBytes: number, compression: Compression): CarrierPlan {
  if (secretBytes === 0) throw new ClusterError('secret_empty', 'the secret is empty: nothing to hide');
  const level = levelFor(sizes, secretBytes);
  if (level < 0) {
    const largest = sizes.at(-1)!;
    const room = largest.rowBytes * largest.height - payloadBytes(0);
    throw new ClusterError(
      'secret_too_large',
      `the secret has ${secretBytes} bytes, the largest carrier of this cover holds ${room}`,
    );
  }
  const { width, rowBytes } = sizes[level]!;
  const rows = Math.ceil(payloadBytes(secretBytes) / rowBytes);
  if (compression === 'stored') {
    const { byteLength } = storedLayout(width, rows);
    return { level, width, rows, byteLength, maxByteLength: byteLength };
  }
  const rawBytes = rows * (width * 3 + 1);
  // zlib's deflateBound() is below this for every setting in use (raw + raw/4096 + raw/16384 + …).
  const maxByteLength = HEAD_BYTES + CHUNK_OVERHEAD_BYTES + IEND.length + rawBytes + Math.ceil(rawBytes / 512) + 64;
  return { level, width, rows, byteLength: null, maxByteLength };
}

/** The division of a stored carrier into deflate blocks of whole rows and IDAT chunks (parts) of whole blocks. */
export interface StoredLayout {
  rowsPerBlock: number;
  rowsPerPart: number;
  byteLength: number;
}

/** Returns the layout of a stored carrier of `rows` rows of `width` pixels. */
export function storedLayout(width: number, rows: number): StoredLayout {
  const stride = width * 3 + 1;
  const rowsPerBlock = Math.min(rows, Math.floor(STORED_BLOCK_BYTES / stride));
  const blocksPerPart = Math.max(1, Math.floor(PART_BYTES / (rowsPerBlock * stride + STORED_HEADER_BYTES)));
  const rowsPerPart = rowsPerBlock * blocksPerPart;
  const blocks = Math.ceil(rows / rowsPerBlock);
  const parts = Math.ceil(rows / rowsPerPart);
  const framing = HEAD_BYTES + parts * CHUNK_OVERHEAD_BYTES + IEND.length + ZLIB_BYTES;
  return { rowsPerBlock, rowsPerPart, byteLength: framing + blocks * STORED_HEADER_BYTES + rows * stride };
}
