/**
 * Moves and removes regular files, and leaves links, FIFOs and devices alone that were placed there to be written into.
 */
import { lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { targetOf } from './target';

/**
 * Moves a regular file to a free name; returns false, and moves nothing, if it is anything else (a link, a FIFO).
 * @throws Error with the code of the system
 */
export function moveAside(file: string, to: string): boolean {
  if (!lstatSync(file).isFile()) return false;
  renameSync(file, to);
  return true;
}

/** Moves a complete file to its place, replacing only a regular file there. @throws Error that `causeOf` explains */
export async function moveInPlace(whole: string, file: string): Promise<void> {
  const target = targetOf(file);
  if (target.kind !== 'regular') throw new Error('expected a regular file or a free name');
  await rename(whole, target.path);
}

/**
 * Removes a regular file if its text passes `isOurs`; a link to it stays. Nothing else is read: a FIFO could block.
 * @throws Error with the code of the system
 */
export function removeOurs(file: string, isOurs: (text: string) => boolean): void {
  const target = targetOf(file);
  if (target.kind === 'regular' && target.there !== null && isOurs(readFileSync(target.path, 'utf8'))) {
    rmSync(target.path);
  }
}
