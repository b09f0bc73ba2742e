import sharp from 'sharp';
import { photo } from './pictures';

/** A JPEG that is decoded in no time. */
export function smallCover(): Promise<Buffer> {
  const { rgb } = photo(300, 200);
  return sharp(rgb, { raw: { width: 300, height: 200, channels: 3 } })
    .jpeg()
    .toBuffer();
}
