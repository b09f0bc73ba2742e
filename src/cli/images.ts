/** Loads the images that clients send, from a folder or from the program itself. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { TEST_IMAGES } from '../assets/assets';
import type { ClientImage } from '../client/client';
import { loadImages } from '../client/images';
import { DEFAULT_IMAGE_DIRECTORY } from '../config/common-settings';

/** Returns the images of the folder; if none is configured and the default one is missing, the built-in ones. */
export function imagesOf(imageDirectory: string | undefined): { images: ClientImage[]; name: string } {
  const folder = imageDirectory ?? DEFAULT_IMAGE_DIRECTORY;
  if (imageDirectory !== undefined || existsSync(folder)) return { images: loadImages(folder), name: folder };
  const assets = TEST_IMAGES.map((asset) => ({ name: path.posix.basename(asset.path), content: asset.content }));
  const images = assets
    .filter(({ name }) => !name.startsWith('cover.'))
    .map(({ name, content }) => ({ name, bytes: Buffer.from(content()) }));
  return { images, name: 'built-in images' };
}
