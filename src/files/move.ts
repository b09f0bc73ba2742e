import { lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { targetOf } from './target';

/**
 * Moves a regular file to a name that is free. What is no regular file (a link, a FIFO, a device) stays, because somebody
 * put it there to be written into. Returns whether it was moved.
 * @throws Error with the system's code
 */
export function moveAside(file: string, to: string): boolean {
  if (!lstatSync(file).isFile()) return false;
  renameSync(file, to);
  return true;
}

/** Moves a whole file to its place, over what is there unless that is no regular file. @throws Error whose cause `causeOf` tells */
export async function moveInPlace(whole: string, file: string): Promise<void> {
  const target = targetOf(file);
  if (target.kind !== 'regular') throw new Error('expected a regular file or none');
  await rename(whole, target.path);
}

/**
 * Removes a regular file if its text says that it is ours; a link that leads to it stays. Nothing else is even read: a FIFO
 * could hold us up.
 * @throws Error with the system's code
 */
export function removeOurs(file: string, isOurs: (text: string) => boolean): void {
  const target = targetOf(file);
  if (target.kind === 'regular' && target.there !== null && isOurs(readFileSync(target.path, 'utf8'))) {
    rmSync(target.path);
  }
}
