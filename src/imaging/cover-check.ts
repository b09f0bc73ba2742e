/**
 * Checks as much of a cover as costs next to nothing: that it is complete, and of a size and kind that `decodeCover`
 * accepts.
 */
import { ClusterError } from '../core/errors';
import { isJpeg, jpegStructure } from './jpeg-structure';
import { SIGNATURE } from './png';
import { pngStructure } from './png-cover';

/** Returns the format of a file, by its first bytes. @throws ClusterError('bad_image') if it is neither */
export function kindOf(file: Uint8Array): 'png' | 'jpeg' {
  if (SIGNATURE.every((byte, index) => file[index] === byte)) return 'png';
  if (isJpeg(file)) return 'jpeg';
  throw new ClusterError('bad_image', 'the cover is neither a PNG nor a JPEG');
}

/** @throws ClusterError('bad_image') naming the problem */
export function checkCover(file: Uint8Array): void {
  if (kindOf(file) === 'png') pngStructure(file);
  else jpegStructure(file);
}
