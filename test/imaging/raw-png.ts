import { crc32 } from 'node:zlib';

export interface PngFields {
  width: number;
  height: number;
  depth?: number;
  color?: number;
  interlace?: number;
}

/** A chunk with its length and checksum. */
export function chunk(type: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** Signature and header, whether or not they make sense. */
export function pngHead({ width, height, depth = 8, color = 2, interlace = 0 }: PngFields): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color, 0, 0, interlace], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', header)]);
}

/** A PNG with these header fields and this zlib stream. */
export function png(fields: PngFields, data: Uint8Array): Buffer {
  return Buffer.concat([pngHead(fields), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}
