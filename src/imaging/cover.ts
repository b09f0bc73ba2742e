import { ClusterError } from '../core/errors';
import { decodeJpeg, isJpeg } from './jpeg';
import { SIGNATURE } from './png';
import { decodePng } from './png-cover';

/** A picture in memory: 3 bytes (R, G, B) a pixel, row-major. */
export interface Cover {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/**
 * Decodes a cover picture: PNG (any depth and colour, not interlaced, transparency dropped) or JPEG, at most
 * 100 megapixels, known from its header before anything is decoded.
 * Only bundles can import this module (the JPEG decoder is WebAssembly inlined by esbuild); others take the type.
 * @throws ClusterError('bad_image') naming what is wrong.
 */
export async function decodeCover(file: Uint8Array): Promise<Cover> {
  if (SIGNATURE.every((byte, index) => file[index] === byte)) return decodePng(file);
  if (isJpeg(file)) return decodeJpeg(file);
  throw new ClusterError('bad_image', 'the cover is neither a PNG nor a JPEG');
}
