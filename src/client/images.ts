/** Reads the files that a client sends or reveals: the images of a folder, or single files that the user named. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { ClusterError, type ErrorCode } from '../core/errors';
import { ACCEPTED_LIMITS } from '../core/transport/network';
import { causeOf } from '../files/cause';
import type { ClientImage } from './client';

const IMAGE_NAME = /\.(png|jpg|jpeg|bmp|webp|gif)$/i;
/** The servers' cover images, in the same folder by default. */
const COVER_NAME = /^cover\.[^.]*$/i;
/** A file that does not fit in a frame cannot be sent at all; smaller limits are enforced by the servers. */
export const MAX_SENDABLE_BYTES = ACCEPTED_LIMITS.maxFrameBytes - 64 * 1024;
const MAX_FOLDER_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

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

/**
 * Reads a file that the user named.
 * @throws ClusterError `bad_usage` if it is missing, unreadable, not a file, empty or larger than `maxBytes`
 */
export function readInputFile(file: string, maxBytes: number): Buffer {
  return named(file, () => {
    checkInput(file, maxBytes);
    return readFileSync(file);
  });
}

/**
 * Reads such a file in pieces, each valid until the next one is requested: a reader that has seen enough reads no
 * further.
 * @throws ClusterError as `readInputFile`
 */
export function* inputPieces(file: string, maxBytes: number): Generator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const descriptor = named(file, () => {
    checkInput(file, maxBytes);
    return openSync(file, 'r');
  });
  try {
    for (;;) {
      const bytes = named(file, () => readSync(descriptor, piece));
      if (bytes === 0) return;
      yield piece.subarray(0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}

function checkInput(file: string, maxBytes: number): void {
  const stat = statSync(file);
  if (!stat.isFile()) throw usage(`${file}: ${stat.isDirectory() ? 'is a folder' : 'is not a regular file'}`);
  if (stat.size === 0) throw usage(`${file}: is empty`, 'secret_empty');
  if (stat.size > maxBytes) throw usage(`${file}: has ${stat.size} bytes, at most ${maxBytes} are supported`);
}

/** Prefixes file errors with the file's name. */
function named<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw error instanceof ClusterError ? error : usage(`${file}: ${causeOf(error)}`);
  }
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

function usage(message: string, code: ErrorCode = 'bad_usage'): ClusterError {
  return new ClusterError(code, message);
}
