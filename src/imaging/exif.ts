/** Reads an image's orientation from EXIF data, and rotates or mirrors its pixels accordingly. */
import type { Cover } from './cover';

/** An image's orientation, as in the TIFF tag: 1 upright, 2 to 4 mirrored or rotated by 180°, 5 to 8 on its side. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * Returns the orientation in EXIF data (a TIFF header and its first directory, Exif 2.32, 4.5 and 4.6.4). Anything but
 * a number from 1 to 8 in its place counts as upright: bad metadata does not make an image unusable.
 */
export function orientationOf(tiff: Uint8Array): Orientation {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8) return 1;
  const order = view.getUint16(0);
  const isLittle = order === 0x4949; // "II"; big-endian is "MM"
  if ((!isLittle && order !== 0x4d4d) || view.getUint16(2, isLittle) !== 42) return 1;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return 1;
  const count = view.getUint16(directory, isLittle);
  for (
    let entry = 0, at = directory + 2;
    entry < count && at + ENTRY_BYTES <= tiff.length;
    entry++, at += ENTRY_BYTES
  ) {
    if (view.getUint16(at, isLittle) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(at + 2, isLittle) === SHORT ? view.getUint16(at + 8, isLittle) : 0;
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** Returns the image as it is displayed; `pixels` has `pixelBytes` bytes per pixel, the first three R, G and B. */
export function upright(
  pixels: Uint8Array,
  pixelBytes: 3 | 4,
  { width, height }: { width: number; height: number },
  orientation: Orientation,
): Cover {
  if (orientation === 1 && pixelBytes === 3) return { width, height, rgb: pixels };
  const { start, stepX, stepY } = placing(width, height, orientation);
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = 3 * (start + y * stepY); x < width; x++, from += pixelBytes, to += 3 * stepX) {
      rgb[to] = pixels[from]!;
      rgb[to + 1] = pixels[from + 1]!;
      rgb[to + 2] = pixels[from + 2]!;
    }
  }
  return orientation < 5 ? { width, height, rgb } : { width: height, height: width, rgb };
}

/** Returns the position of the first pixel, and the steps to its right and lower neighbours, in pixels. */
function placing(width: number, height: number, orientation: Orientation) {
  const last = width * height - 1;
  switch (orientation) {
    case 1:
      return { start: 0, stepX: 1, stepY: width };
    case 2:
      return { start: width - 1, stepX: -1, stepY: width };
    case 3:
      return { start: last, stepX: -1, stepY: -width };
    case 4:
      return { start: last - width + 1, stepX: 1, stepY: -width };
    case 5:
      return { start: 0, stepX: height, stepY: 1 };
    case 6:
      return { start: height - 1, stepX: height, stepY: -1 };
    case 7:
      return { start: last, stepX: -height, stepY: -1 };
    case 8:
      return { start: last - height + 1, stepX: -height, stepY: 1 };
  }
}
