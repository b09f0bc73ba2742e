/** Checks a JPEG and reads its size and orientation from its segments, without decoding it. */
import { ClusterError } from '../core/errors';
import { type Orientation, orientationOf } from './exif';
import { checkCoverSize } from './pixels';

/** The properties of a JPEG that are known before decoding. */
export interface JpegStructure {
  width: number;
  height: number;
  orientation: Orientation;
}

const MARKER = { SOI: 0xd8, EOI: 0xd9, APP1: 0xe1 };
/** Also for YCCK, which is CMYK stored in another way. */
const CMYK_COMPONENTS = 4;
const EXIF = [...'Exif\0\0'].map((letter) => letter.charCodeAt(0));

/** Makes the error for a damaged JPEG. */
export const damagedJpeg = (what: string): ClusterError =>
  new ClusterError('bad_image', `the cover is a damaged JPEG: ${what}`);

/** Returns true if the file begins like a JPEG. */
export function isJpeg(file: Uint8Array): boolean {
  return file[0] === 0xff && file[1] === MARKER.SOI && file[2] === 0xff;
}

/**
 * Follows the segments of a JPEG to its end marker (ITU T.81, B.1). The decoder would fill the missing part of a
 * truncated file with gray.
 * @throws ClusterError('bad_image') if it is truncated, too large, or of an unsupported kind
 */
export function jpegStructure(file: Uint8Array): JpegStructure {
  let frame: { width: number; height: number; components: number } | undefined;
  let orientation: Orientation | undefined;
  for (let at = 2; ;) {
    at = nextMarker(file, at);
    const marker = file[at + 1];
    if (marker === undefined) throw damagedJpeg(frame ? 'it is truncated' : 'it has no frame header');
    if (marker === MARKER.EOI) break;
    at += 2;
    if (hasNoLength(marker)) continue;
    const length = u16(file, at);
    if (length < 2) throw damagedJpeg('a segment has an invalid length');
    const segment = file.subarray(at + 2, at + length);
    if (isFrameHeader(marker)) {
      frame ??= { height: u16(segment, 1), width: u16(segment, 3), components: segment[5] ?? 0 };
    } else if (marker === MARKER.APP1 && EXIF.every((byte, index) => segment[index] === byte)) {
      orientation ??= orientationOf(segment.subarray(EXIF.length));
    }
    at += length;
  }
  if (frame === undefined) throw damagedJpeg('it has no frame header');
  checkCoverSize(frame.width, frame.height);
  if (frame.components === CMYK_COMPONENTS) {
    throw new ClusterError('bad_image', 'the cover is a JPEG, but its colours (CMYK) are not supported');
  }
  return { width: frame.width, height: frame.height, orientation: orientation ?? 1 };
}

/** Returns the next 0xff that begins a marker: not pixel data (followed by 0), a restart within it, or padding. */
function nextMarker(file: Uint8Array, from: number): number {
  for (let at = file.indexOf(0xff, from); at >= 0; at = file.indexOf(0xff, at + 1)) {
    const next = file[at + 1];
    if (next !== 0 && next !== 0xff && !(next !== undefined && isRestart(next))) return at;
  }
  return file.length;
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7;
}

/** TEM, and a second start of image. */
function hasNoLength(marker: number): boolean {
  return marker === 0x01 || marker === MARKER.SOI;
}

/** SOFn; DHT, JPG and DAC lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
