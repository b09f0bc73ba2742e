/** Loads the images of a folder, which a client sends. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { ACCEPTED_LIMITS } from '../core/transport/network';
import { causeOf } from '../files/cause';
import { readInputFile } from '../files/input-file';
import type { ClientImage } from './client';

const IMAGE_NAME = /\.(png|jpg|jpeg|bmp|webp|gif)$/i;
/** The servers' cover images, in the same folder by default. */
const COVER_NAME = /^cover\.[^.]*$/i;
/** A file that does not fit in a frame cannot be sent at all; smaller limits are enforced by the servers. */
export const MAX_SENDABLE_BYTES = ACCEPTED_LIMITS.maxFrameBytes - 64 * 1024;
const MAX_FOLDER_BYTES = 1024 * 1024 * 1024;

/**
 * Loads the images of a folder, by name: files ending in .png .jpg .jpeg .bmp .webp .gif, without `cover.*`. They are
 * read once and shared by all requests.
 * @throws ClusterError `bad_usage` naming the folder or file
 */
export function loadImages(folder: string): ClientImage[] {
  const names = listNames(folder);
  if (names.length === 0) {
    throw usage(`${folder}: no images (.png, .jpg, .jpeg, .bmp, .webp or .gif; cover.* is left out)`);
  }
  let leftBytes = MAX_FOLDER_BYTES;
  return names.map((name) => {
    const bytes = readInputFile(path.join(folder, name), MAX_SENDABLE_BYTES);
    leftBytes -= bytes.length;
    if (leftBytes < 0) throw usage(`${folder}: its images exceed ${MAX_FOLDER_BYTES} bytes in total`);
    return { name, bytes };
  });
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && IMAGE_NAME.test(entry.name) && !COVER_NAME.test(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw usage(`the image folder ${folder}: ${causeOf(error)}`);
  }
}

function usage(message: string): ClusterError {
  return new ClusterError('bad_usage', message);
}
