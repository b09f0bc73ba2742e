/** PNG framing (https://www.w3.org/TR/png-3/), the part that the encoder and the readers share. */
import { crc32 } from 'node:zlib';
import { bigEndian } from './lsb.pure';

export const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Length, type and CRC around a chunk's data. */
export const CHUNK_OVERHEAD_BYTES = 12;
/** Signature and IHDR chunk. */
export const HEAD_BYTES = SIGNATURE.length + CHUNK_OVERHEAD_BYTES + 13;
export const IEND = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82);

/** Returns a chunk type as the 32-bit number formed by its four letters. */
export function chunkType(name: string): number {
  return [...name].reduce((value, letter) => ((value << 8) | letter.charCodeAt(0)) >>> 0, 0);
}

export const TYPE = {
  IHDR: chunkType('IHDR'),
  PLTE: chunkType('PLTE'),
  IDAT: chunkType('IDAT'),
  IEND: chunkType('IEND'),
  eXIf: chunkType('eXIf'),
};

/** Reads the 32-bit big-endian number at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Writes signature and IHDR of an 8-bit RGB image at the start of `target`; HEAD_BYTES long. */
export function writeHead(target: Uint8Array, width: number, height: number): void {
  target.set(SIGNATURE);
  const data = [...bigEndian(width), ...bigEndian(height), 8, 2, 0, 0, 0];
  target.set(data, SIGNATURE.length + 8);
  sealChunk(target, SIGNATURE.length, 'IHDR', data.length);
}

/** Writes length, type and CRC around the `dataBytes` that are already at `at` + 8. */
export function sealChunk(target: Uint8Array, at: number, type: string, dataBytes: number): void {
  target.set(bigEndian(dataBytes), at);
  target.set(bigEndian(chunkType(type)), at + 4);
  const end = at + 8 + dataBytes;
  target.set(bigEndian(crc32(target.subarray(at + 4, end))), end);
}

export interface PngHeader {
  width: number;
  height: number;
  bitDepth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA. */
  colorType: number;
  interlaced: boolean;
}

/** Reads the 13 bytes of an IHDR chunk at `at`; returns null if a field is outside the specification. */
export function readHeader(bytes: Uint8Array, at: number): PngHeader | null {
  const width = readUint32(bytes, at);
  const height = readUint32(bytes, at + 4);
  const [bitDepth, colorType, compression, filter, interlace] = bytes.subarray(at + 8, at + 13) as unknown as number[];
  if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff) return null;
  if (compression !== 0 || filter !== 0 || interlace! > 1) return null;
  return { width, height, bitDepth: bitDepth!, colorType: colorType!, interlaced: interlace === 1 };
}
