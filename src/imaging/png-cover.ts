import { crc32, inflateSync } from 'node:zlib';
import { ClusterError } from '../core/errors';
import type { Cover } from './cover';
import { checkCoverSize } from './pixels';
import { readHeader, readUint32, SIGNATURE, TYPE } from './png';
import type { PngHeader } from './png';
import { unfilter } from './rows';

/** Samples a pixel by colour type, and the bit depths that the specification allows it (section 11.2.1). */
const COLOR_TYPES: Record<number, { samples: number; depths: number[] }> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;

const damaged = (what: string, cause?: unknown) =>
  new ClusterError('bad_image', `the cover is a damaged PNG: ${what}`, { cause });

interface Chunks {
  header: PngHeader;
  palette: Uint8Array | null;
  pixels: Uint8Array[];
}

/**
 * Decodes a PNG of any bit depth and colour type; transparency is dropped, 16 bits are cut to 8.
 * @throws ClusterError('bad_image')
 */
export function decodePng(file: Uint8Array): Cover {
  const { header, palette, pixels } = readChunks(file);
  const { width, height } = header;
  const color = COLOR_TYPES[header.colorType];
  if (!color?.depths.includes(header.bitDepth)) throw damaged('no such colour type');
  if (header.interlaced) throw new ClusterError('bad_image', 'the cover is an interlaced PNG, which is not supported');
  if (header.colorType === 3 && palette === null) throw damaged('it has no palette');
  checkCoverSize(width, height);
  const rowBytes = Math.ceil((width * color.samples * header.bitDepth) / 8);
  const raw = inflate(pixels, height * (rowBytes + 1));
  const rgb = new Uint8Array(width * height * 3);
  const rows = new Uint8Array(2 * rowBytes + 1);
  const pixelBytes = Math.max(1, (color.samples * header.bitDepth) >> 3);
  for (let y = 0; y < height; y++) {
    // `rows`: the row above, then this one with its filter byte, as unfilter() wants them.
    rows.set(raw.subarray(y * (rowBytes + 1), (y + 1) * (rowBytes + 1)), rowBytes);
    unfilter(rows, rowBytes, rowBytes, pixelBytes, 0);
    convertRow(rows.subarray(rowBytes + 1), rgb.subarray(y * width * 3, (y + 1) * width * 3), header, palette);
    rows.copyWithin(0, rowBytes + 1);
  }
  return { width, height, rgb };
}

function readChunks(file: Uint8Array): Chunks {
  let header: PngHeader | null = null;
  let palette: Uint8Array | null = null;
  const pixels: Uint8Array[] = [];
  for (let at = SIGNATURE.length; ;) {
    const length = readUint32(file, at);
    const type = readUint32(file, at + 4);
    const end = at + 8 + length;
    if (at + 12 > file.length || end + 4 > file.length) throw damaged('it is cut off');
    if (crc32(file.subarray(at + 4, end)) !== readUint32(file, end)) throw damaged('a chunk has a wrong checksum');
    const data = file.subarray(at + 8, end);
    if (header === null) {
      if (type !== TYPE.IHDR || length !== 13) throw damaged('it has no header');
      header = readHeader(file, at + 8);
      if (header === null) throw damaged('its header makes no sense');
    } else if (type === TYPE.PLTE) palette = data;
    else if (type === TYPE.IDAT) pixels.push(data);
    else if (type === TYPE.IEND) return { header, palette, pixels };
    at = end + 4;
  }
}

function inflate(pixels: Uint8Array[], bytes: number): Uint8Array {
  if (bytes > MAX_INFLATED_BYTES) throw new ClusterError('bad_image', 'the cover has more than 512 MiB of pixels');
  let raw: Uint8Array;
  try {
    raw = inflateSync(Buffer.concat(pixels), { maxOutputLength: bytes });
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (raw.length < bytes) throw damaged('pixels are missing');
  return raw;
}

/** One row of samples of any depth to RGB. */
function convertRow(row: Uint8Array, rgb: Uint8Array, header: PngHeader, palette: Uint8Array | null): void {
  const { bitDepth, colorType } = header;
  const { samples } = COLOR_TYPES[colorType]!;
  const mask = (1 << bitDepth) - 1;
  const sample = (index: number) => {
    if (bitDepth >= 8) return row[index * (bitDepth >> 3)]!;
    const bit = index * bitDepth;
    return (row[bit >> 3]! >> (8 - bitDepth - (bit & 7))) & mask;
  };
  const scale = bitDepth < 8 ? 255 / mask : 1;
  for (let x = 0; x * 3 < rgb.length; x++) {
    const first = sample(x * samples);
    if (palette !== null && colorType === 3) {
      if (first * 3 + 2 >= palette.length) throw damaged('a pixel outside the palette');
      rgb.set(palette.subarray(first * 3, first * 3 + 3), x * 3);
    } else if (samples < 3) {
      rgb.fill(first * scale, x * 3, x * 3 + 3);
    } else {
      rgb[x * 3] = first;
      rgb[x * 3 + 1] = sample(x * samples + 1);
      rgb[x * 3 + 2] = sample(x * samples + 2);
    }
  }
}
