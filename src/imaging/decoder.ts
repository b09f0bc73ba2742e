/** Reads a carrier as its chunks arrive, and compares its secret with the expected one or returns it. */
import { crc32 } from 'node:zlib';
import { ClusterError } from '../core/errors';
import { LENGTH_BYTES, payloadBytes } from './lsb.pure';
import { PayloadSink } from './payload-sink';
import type { CrcState } from './payload-sink';
import { readHeader, readUint32, SIGNATURE, TYPE } from './png';
import { MAX_ROW_PIXELS, RowReader } from './rows';
import { ZlibReader } from './zlib-reader';

export type { CrcState } from './payload-sink';

/** More than `client hide` can send; a carrier that claims more is refused. */
const MAX_REVEALED_BYTES = 64 * 1024 * 1024;
/**
 * The worst case of a valid carrier per byte of its payload: 8 samples, alpha beside every three of them, a filter byte
 * for rows of a single pixel, 13.4 in all, and the framing of small deflate blocks.
 */
const CARRIER_BYTES_EACH = 16;
/** The rest of the last row (128 KiB at most), and chunks with metadata. */
const CARRIER_BYTES_BESIDES = 1024 * 1024;
const HEADER_DATA_BYTES = 13;

export interface CarrierReaderOptions {
  /** The expected secret; without it the secret is collected. */
  expected?: Uint8Array;
  /** Also checks every chunk's CRC. Unnecessary if the secret itself is compared (0.2 ns a byte). */
  checkChunks?: boolean;
  /** Refuses to collect more than this, default 64 MiB. */
  maxSecretBytes?: number;
}

/** Returns more than the carrier of a secret of this size can need; anything larger is not a carrier of it. */
export function maxCarrierBytes(secretBytes: number): number {
  return CARRIER_BYTES_EACH * payloadBytes(secretBytes) + CARRIER_BYTES_BESIDES;
}

type State = 'signature' | 'chunkHeader' | 'header' | 'pixels' | 'skip' | 'crc' | 'end';

/**
 * Accepts any PNG in 8-bit RGB or RGBA, with any filters and deflate settings, that is not interlaced. Pixels are
 * inflated only as far as the payload goes; after it only the chunk structure is followed to IEND. With `expected` the
 * first wrong bit throws, as does more than `maxCarrierBytes`, and memory does not grow with the carrier.
 */
export class CarrierReader {
  private state: State = 'signature';
  private readonly field = new Uint8Array(HEADER_DATA_BYTES);
  private fieldBytes = 0;
  private fieldNeeded = SIGNATURE.length;
  private chunkType = 0;
  private dataLeft = 0;
  private crc = 0;
  private sink: PayloadSink | undefined;
  private pixels: ZlibReader | undefined;
  private leftBytes: number;

  constructor(private readonly options: CarrierReaderOptions = {}) {
    this.leftBytes = options.expected === undefined ? Infinity : maxCarrierBytes(options.expected.length);
  }

  /** The payload is complete, and correct if there is an expected one; the PNG may continue. */
  get done(): boolean {
    return this.sink?.done ?? false;
  }

  /**
   * Takes the next bytes of the carrier, split anywhere; they are not kept.
   * @throws ClusterError('verification_failed') at the first wrong bit, ('bad_image') if it is not such a PNG.
   */
  push(chunk: Uint8Array): void {
    try {
      this.leftBytes -= chunk.length;
      if (this.leftBytes < 0) throw new ClusterError('verification_failed', 'the carrier is larger than any valid one');
      for (let at = 0; at < chunk.length;) at = this.step(chunk, at);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Ends the carrier and returns the secret (with `expected`, that very array).
   * @throws ClusterError('verification_failed') if the carrier or its payload ended early.
   */
  finish(): Uint8Array {
    return this.reveal().secret;
  }

  /** Returns the same as `finish`, and whether the CRC after the secret was correct. */
  reveal(): { secret: Uint8Array; crc: CrcState } {
    this.close();
    if (this.sink?.secretDone && this.state === 'end') return this.sink.result();
    const code = this.options.expected === undefined ? 'bad_image' : 'verification_failed';
    const where = this.sink === undefined ? 'before its pixels' : `after ${this.sink.progress}`;
    const what = this.sink?.secretDone ? 'the PNG is cut off after the secret' : `the carrier ends ${where}`;
    throw new ClusterError(code, what);
  }

  /** Frees zlib's memory; for readers that are abandoned before their end. */
  close(): void {
    this.pixels?.close();
  }

  private step(chunk: Uint8Array, at: number): number {
    if (this.state === 'end') throw new ClusterError('bad_image', 'there is data after the end of the PNG');
    if (this.state === 'pixels' || this.state === 'skip') return this.readData(chunk, at);
    const take = Math.min(this.fieldNeeded - this.fieldBytes, chunk.length - at);
    for (let i = 0; i < take; i++) this.field[this.fieldBytes++] = chunk[at + i]!;
    if (this.fieldBytes === this.fieldNeeded) this.readField();
    return at + take;
  }

  private expect(state: State, bytes: number): void {
    this.state = state;
    this.fieldBytes = 0;
    this.fieldNeeded = bytes;
  }

  private readField(): void {
    switch (this.state) {
      case 'signature':
        if (SIGNATURE.some((byte, index) => this.field[index] !== byte)) {
          throw new ClusterError('bad_image', 'this is not a PNG');
        }
        return this.expect('chunkHeader', 8);
      case 'chunkHeader':
        return this.beginChunk();
      case 'header':
        this.checksum(this.field.subarray(0, HEADER_DATA_BYTES));
        this.begin();
        return this.expect('crc', 4);
      default:
        return this.endChunk();
    }
  }

  private beginChunk(): void {
    this.dataLeft = readUint32(this.field, 0);
    this.chunkType = readUint32(this.field, 4);
    if (this.options.checkChunks) this.crc = crc32(this.field.subarray(4, 8));
    if (this.dataLeft > 0x7fffffff)
      throw new ClusterError('bad_image', 'the PNG is damaged: a chunk has an invalid length');
    const isHeader = this.chunkType === TYPE.IHDR;
    if (isHeader !== (this.sink === undefined) || (isHeader && this.dataLeft !== HEADER_DATA_BYTES)) {
      throw new ClusterError('bad_image', 'the PNG is damaged: its header is missing or not the first chunk');
    }
    if (isHeader) return this.expect('header', HEADER_DATA_BYTES);
    const critical = (this.chunkType & 0x20000000) === 0;
    if (critical && ![TYPE.IDAT, TYPE.IEND, TYPE.PLTE].includes(this.chunkType)) {
      throw new ClusterError('bad_image', 'the PNG has an unknown critical chunk');
    }
    this.state = this.chunkType === TYPE.IDAT ? 'pixels' : 'skip';
    if (this.dataLeft === 0) this.expect('crc', 4);
  }

  private begin(): void {
    const header = readHeader(this.field, 0);
    if (header === null) throw new ClusterError('bad_image', 'the PNG is damaged: its header has an invalid value');
    const { width, height, bitDepth, colorType, interlaced } = header;
    const problem =
      (interlaced && 'interlaced PNGs are not supported') ||
      (bitDepth !== 8 && `${bitDepth}-bit PNGs are not supported, only 8-bit`) ||
      (colorType !== 2 && colorType !== 6 && 'only RGB and RGBA PNGs are supported, not grayscale or palette ones') ||
      (width > MAX_ROW_PIXELS && `${width} pixels per row are too many, at most ${MAX_ROW_PIXELS} are supported`);
    if (problem) throw new ClusterError('bad_image', problem);
    const { expected, maxSecretBytes = MAX_REVEALED_BYTES } = this.options;
    const capacityBytes = Math.floor((width * height * 3) / 8);
    if (expected !== undefined && capacityBytes < LENGTH_BYTES + expected.length) {
      const room = `${width} × ${height} pixels cannot hold ${expected.length} bytes`;
      throw new ClusterError('verification_failed', room);
    }
    const sink = new PayloadSink(expected, capacityBytes, maxSecretBytes);
    const rows = new RowReader(width, colorType === 2 ? 3 : 4, height, sink);
    this.sink = sink;
    this.pixels = new ZlibReader((output) => rows.push(output));
  }

  private readData(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.dataLeft);
    const piece = chunk.subarray(at, end);
    this.dataLeft -= piece.length;
    this.checksum(piece);
    if (this.state === 'pixels') this.pixels!.push(piece);
    if (this.dataLeft === 0) this.expect('crc', 4);
    return end;
  }

  private checksum(piece: Uint8Array): void {
    if (this.options.checkChunks) this.crc = crc32(piece, this.crc);
  }

  private endChunk(): void {
    if (this.options.checkChunks && readUint32(this.field, 0) !== this.crc) {
      throw new ClusterError('bad_image', 'the PNG is damaged: a chunk has a wrong checksum');
    }
    if (this.chunkType !== TYPE.IEND) return this.expect('chunkHeader', 8);
    this.state = 'end';
  }
}

/**
 * Returns the secret in a PNG file that is read in pieces; reads no further once it is known that there is none.
 * @throws ClusterError('bad_image' | 'secret_too_large') with the reason.
 */
export function revealCarrier(pieces: Iterable<Uint8Array>): { secret: Uint8Array; crc: CrcState } {
  const reader = new CarrierReader({ checkChunks: true });
  for (const piece of pieces) reader.push(piece);
  return reader.reveal();
}
