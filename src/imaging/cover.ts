/**
 * Decodes a cover image. Only bundles can import this module (the JPEG decoder is WebAssembly inlined by esbuild);
 * others import the type.
 */
import { kindOf } from './cover-check';
import { decodeJpeg } from './jpeg';
import { decodePng } from './png-cover';

/** An image in memory: 3 bytes (R, G, B) per pixel, row-major. */
export interface Cover {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/**
 * Decodes a PNG (any depth and colour, transparency dropped) or JPEG, rotated according to its EXIF data; at most 100
 * megapixels, checked in its header before decoding.
 * @throws ClusterError('bad_image') naming the problem.
 */
export async function decodeCover(file: Uint8Array): Promise<Cover> {
  return kindOf(file) === 'png' ? decodePng(file) : decodeJpeg(file);
}
