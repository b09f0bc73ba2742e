/** Reads single files that the user named, whole or in pieces. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { ClusterError, type ErrorCode } from '../core/errors';
import { causeOf } from './cause';

const PIECE_BYTES = 256 * 1024;

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

function usage(message: string, code: ErrorCode = 'bad_usage'): ClusterError {
  return new ClusterError(code, message);
}
