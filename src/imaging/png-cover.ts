/** Decodes a PNG cover of any bit depth and colour type, interlaced or not, rotated according to its EXIF data. */
import { crc32, inflateSync } from 'node:zlib';
import { ClusterError } from '../core/errors';
import type { Cover } from './cover';
import { type Orientation, orientationOf, upright } from './exif';
import { checkCoverSize } from './pixels';
import { readHeader, readUint32, SIGNATURE, TYPE } from './png';
import type { PngHeader } from './png';
import { unfilter } from './rows';

/** Samples per pixel by colour type, and the bit depths that the PNG specification allows for it (section 11.2.1). */
const COLOR_TYPES: Record<number, { samples: number; depths: number[] }> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
/** The pixels of each pass (section 8.2), and the single pass of a PNG that is not interlaced. */
const ADAM7 = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];
const WHOLE = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;

const damaged = (what: string, cause?: unknown) =>
  new ClusterError('bad_image', `the cover is a damaged PNG: ${what}`, { cause });

interface PngStructure {
  header: PngHeader;
  /** Samples per pixel. */
  samples: number;
  palette: Uint8Array | null;
  orientation: Orientation;
  /** Deflated. */
  pixels: Uint8Array[];
}

/** A part of the image with a grid of its pixels, in rows of `rowBytes`, each after a filter byte. */
interface Pass {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
  columns: number;
  rows: number;
  rowBytes: number;
}

/**
 * Drops transparency, and reduces 16 bits to 8.
 * @throws ClusterError('bad_image')
 */
export function decodePng(file: Uint8Array): Cover {
  const structure = pngStructure(file);
  const { header, samples, orientation } = structure;
  const { width, height, bitDepth } = header;
  const passes = passesOf(header, samples * bitDepth);
  const raw = inflate(
    structure.pixels,
    passes.reduce((sum, { rows, rowBytes }) => sum + rows * (rowBytes + 1), 0),
  );
  const rgb = new Uint8Array(width * height * 3);
  const pixelBytes = Math.max(1, (samples * bitDepth) >> 3);
  let at = 0;
  for (const pass of passes) {
    const { rowBytes } = pass;
    // `rows`: the row above, then this one with its filter byte, as unfilter() expects.
    const rows = new Uint8Array(2 * rowBytes + 1);
    for (let row = 0; row < pass.rows; row++, at += rowBytes + 1) {
      rows.set(raw.subarray(at, at + rowBytes + 1), rowBytes);
      unfilter(rows, rowBytes, rowBytes, pixelBytes, 0);
      const to = ((pass.y + row * pass.stepY) * width + pass.x) * 3;
      convertRow(rows.subarray(rowBytes + 1), rgb.subarray(to), pass, structure);
      rows.copyWithin(0, rowBytes + 1);
    }
  }
  return upright(rgb, 3, header, orientation);
}

/**
 * Follows the chunks of a PNG to its end, checks their checksums and the header; inflates nothing.
 * @throws ClusterError('bad_image')
 */
export function pngStructure(file: Uint8Array): PngStructure {
  const chunks = readChunks(file);
  const { header, palette } = chunks;
  const color = COLOR_TYPES[header.colorType];
  if (!color?.depths.includes(header.bitDepth)) throw damaged('its header has an invalid colour type');
  if (header.colorType === 3 && palette === null) throw damaged('it has no palette');
  checkCoverSize(header.width, header.height);
  return { ...chunks, samples: color.samples };
}

function passesOf({ width, height, interlaced }: PngHeader, pixelBits: number): Pass[] {
  const grids = (interlaced ? ADAM7 : WHOLE).map((grid) => {
    const columns = Math.ceil((width - grid.x) / grid.stepX);
    const rows = Math.ceil((height - grid.y) / grid.stepY);
    return { ...grid, columns, rows, rowBytes: Math.ceil((columns * pixelBits) / 8) };
  });
  // A pass without pixels has no rows, and no filter bytes either.
  return grids.filter(({ columns, rows }) => columns > 0 && rows > 0);
}

function readChunks(file: Uint8Array): Omit<PngStructure, 'samples'> {
  let header: PngHeader | null = null;
  let orientation: Orientation = 1;
  let palette: Uint8Array | null = null;
  const pixels: Uint8Array[] = [];
  for (let at = SIGNATURE.length; ;) {
    const length = readUint32(file, at);
    const type = readUint32(file, at + 4);
    const end = at + 8 + length;
    if (at + 12 > file.length || end + 4 > file.length) throw damaged('it is truncated');
    if (crc32(file.subarray(at + 4, end)) !== readUint32(file, end)) throw damaged('a chunk has a wrong checksum');
    const data = file.subarray(at + 8, end);
    if (header === null) {
      if (type !== TYPE.IHDR || length !== 13) throw damaged('it has no header');
      header = readHeader(file, at + 8);
      if (header === null) throw damaged('its header has an invalid value');
    } else if (type === TYPE.PLTE) palette = data;
    else if (type === TYPE.IDAT) pixels.push(data);
    else if (type === TYPE.eXIf) orientation = orientationOf(data);
    else if (type === TYPE.IEND) return { header, palette, orientation, pixels };
    at = end + 4;
  }
}

function inflate(pixels: Uint8Array[], bytes: number): Uint8Array {
  if (bytes > MAX_INFLATED_BYTES) throw new ClusterError('bad_image', 'the cover has more than 512 MiB of pixel data');
  let raw: Uint8Array;
  try {
    raw = inflateSync(Buffer.concat(pixels), { maxOutputLength: bytes });
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (raw.length < bytes) throw damaged('pixels are missing');
  return raw;
}

/** Converts one row of a pass, samples of any depth, to RGB at the start of `rgb`. */
function convertRow(
  row: Uint8Array,
  rgb: Uint8Array,
  { columns, stepX }: Pass,
  { header, samples, palette }: PngStructure,
): void {
  const { bitDepth, colorType } = header;
  const mask = (1 << bitDepth) - 1;
  const sample = (index: number) => {
    if (bitDepth >= 8) return row[index * (bitDepth >> 3)]!;
    const bit = index * bitDepth;
    return (row[bit >> 3]! >> (8 - bitDepth - (bit & 7))) & mask;
  };
  const scale = bitDepth < 8 ? 255 / mask : 1;
  for (let column = 0, to = 0; column < columns; column++, to += 3 * stepX) {
    const first = sample(column * samples);
    if (palette !== null && colorType === 3) {
      if (first * 3 + 2 >= palette.length) throw damaged('a pixel is outside the palette');
      rgb.set(palette.subarray(first * 3, first * 3 + 3), to);
    } else if (samples < 3) {
      rgb.fill(first * scale, to, to + 3);
    } else {
      rgb[to] = first;
      rgb[to + 1] = sample(column * samples + 1);
      rgb[to + 2] = sample(column * samples + 2);
    }
  }
}
