/** Limits the size of covers, whatever their format. */
import { ClusterError } from '../core/errors';

/** Most pixels of a cover; decoding one of this size takes 400 MB for a moment. */
const MAX_COVER_PIXELS = 100_000_000;

/** @throws ClusterError('bad_image') for a cover with no or too many pixels. */
export function checkCoverSize(width: number, height: number): void {
  if (width === 0 || height === 0)
    throw new ClusterError('bad_image', `the cover has no pixels (${width} × ${height})`);
  if (width * height > MAX_COVER_PIXELS) {
    throw new ClusterError(
      'bad_image',
      `the cover has ${width} × ${height} pixels, at most 100 megapixels are supported`,
    );
  }
}
