import { lstatSync, mkdirSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { oneLine } from '../core/printable';
import { causeOf } from './cause';

/** As /proc does. */
const TAKES_NO_NEW = 'its file system takes no new files and folders there';

/**
 * Makes a folder with those above it that are missing; one that is there is left as it is. Level by level: asked for all
 * of them at once, Node tries for ever below /proc, and calls a read-only file system a missing folder.
 * @throws Error naming the folder that cannot be made, and why
 */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = folder; !isFolder(at); at = path.dirname(at)) missing.push(at);
  for (const each of missing.reverse()) makeMissing(each);
}

/** Makes a folder that must not be there yet, in one that is. @throws Error whose cause `causeOf` tells */
export function makeNewFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    throw creationError(folder, error);
  }
}

/** @throws Error for something else of that name, and where it cannot be looked at */
function isFolder(folder: string): boolean {
  let there;
  try {
    there = statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    // It is below a file, which stops the climb.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw noFolder(folder, causeOf(error), error);
  }
  if (there === undefined || there.isDirectory()) return there !== undefined;
  throw noFolder(folder, 'something else has that name', undefined);
}

function makeMissing(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process may have made it meanwhile.
    if (code === 'EEXIST' && isFolder(folder)) return;
    throw noFolder(folder, whyNot(folder, error), error);
  }
}

/** Returns an error that says why a file or folder cannot be made, where the system says only that it does not exist. */
export function creationError(file: string, error: unknown): unknown {
  const isOdd = (error as NodeJS.ErrnoException).code === 'ENOENT' && isFolder(path.dirname(file));
  return isOdd ? new Error(TAKES_NO_NEW, { cause: error }) : error;
}

/** The folder above it is there: these two codes mean something else than they say elsewhere. */
function whyNot(folder: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return TAKES_NO_NEW;
  return (code === 'EEXIST' ? deadLink(folder) : undefined) ?? causeOf(error);
}

/** Says where a symbolic link leads if nothing is there; undefined: it is none, or something is. */
export function deadLink(file: string): string | undefined {
  try {
    if (!lstatSync(file).isSymbolicLink() || statSync(file, { throwIfNoEntry: false })) return undefined;
    return `it is a symbolic link to ${oneLine(readlinkSync(file))}, which does not exist`;
  } catch {
    return undefined;
  }
}

function noFolder(folder: string, why: string, cause: unknown): Error {
  return new Error(`the folder ${oneLine(folder)} cannot be made: ${why}`, { cause });
}
