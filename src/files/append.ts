/** Opens files for appending and appends to them, without waiting for the reader of a FIFO. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { appendFile, open } from 'node:fs/promises';
import path from 'node:path';
import { creationError, makeFolder } from './folders';
import { targetOf } from './target';

/** Opening a FIFO without a reader is an error: an append must not wait for a reader, perhaps forever. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Opens a file for appending, creating it if missing. @throws Error that `causeOf` explains */
export function openToAppend(file: string): number {
  const target = targetOf(file);
  try {
    const fd = openSync(file, APPEND);
    // It may have been replaced since it was examined.
    if (!fstatSync(fd).isBlockDevice()) return fd;
    closeSync(fd);
  } catch (error) {
    if (target.kind === 'fifo' && (error as NodeJS.ErrnoException).code === 'ENXIO') {
      throw new Error('is a FIFO that nobody reads: start its reader first', { cause: error });
    }
    throw target.kind === 'regular' ? creationError(target.path, error) : error;
  }
  throw new Error('is a disk, expected a file');
}

/** Truncates or creates a file, with its folders. @throws Error that `causeOf` explains */
export async function beginEmpty(file: string): Promise<void> {
  const target = targetOf(file);
  if (target.kind === 'regular') makeFolder(path.dirname(target.path));
  const handle = await open(file, APPEND | constants.O_TRUNC).catch((error: unknown) => {
    throw target.kind === 'regular' ? creationError(target.path, error) : error;
  });
  await handle.close();
}

/** Appends a text to a file, creating it if missing. @throws Error that `causeOf` explains */
export function appendText(file: string, text: string): Promise<void> {
  return appendFile(file, text, { flag: APPEND });
}
