import { ClusterError } from '../core/errors';
import { isJpeg, jpegStructure } from './jpeg-structure';
import { SIGNATURE } from './png';
import { pngStructure } from './png-cover';

/** What kind of picture a file is, by its first bytes. @throws ClusterError('bad_image') if it is none of them */
export function kindOf(file: Uint8Array): 'png' | 'jpeg' {
  if (SIGNATURE.every((byte, index) => file[index] === byte)) return 'png';
  if (isJpeg(file)) return 'jpeg';
  throw new ClusterError('bad_image', 'the cover is neither a PNG nor a JPEG');
}

/**
 * Checks as much of a cover as costs next to nothing: that it is whole, and of a size and kind that `decodeCover` takes.
 * @throws ClusterError('bad_image') naming what is wrong
 */
export function checkCover(file: Uint8Array): void {
  if (kindOf(file) === 'png') pngStructure(file);
  else jpegStructure(file);
}
