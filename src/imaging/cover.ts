import { kindOf } from './cover-check';
import { decodeJpeg } from './jpeg';
import { decodePng } from './png-cover';

/** A picture in memory: 3 bytes (R, G, B) a pixel, row-major. */
export interface Cover {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/**
 * Decodes a cover picture: PNG (any depth and colour, transparency dropped) or JPEG, turned upright as its EXIF
 * data say, at most 100 megapixels, known from its header before anything is decoded.
 * Only bundles can import this module (the JPEG decoder is WebAssembly inlined by esbuild); others take the type.
 * @throws ClusterError('bad_image') naming what is wrong.
 */
export async function decodeCover(file: Uint8Array): Promise<Cover> {
  return kindOf(file) === 'png' ? decodePng(file) : decodeJpeg(file);
}
