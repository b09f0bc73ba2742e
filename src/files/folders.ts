/** Creates folders, and finds the reason if a folder or file cannot be created. */
import { lstatSync, mkdirSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { oneLine } from '../core/printable';
import { causeOf } from './cause';

/** The reason in file systems such as /proc. */
const TAKES_NO_NEW = 'its file system does not allow new files and folders there';

/**
 * Creates a folder and its missing parents; an existing one is left unchanged. Level by level: Node's recursive mkdir
 * loops forever below /proc, and reports a read-only file system as a missing folder.
 * @throws Error naming the folder that cannot be created, and the reason
 */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = folder; !isFolder(at); at = path.dirname(at)) missing.push(at);
  for (const each of missing.reverse()) makeMissing(each);
}

/** Creates a folder that must not exist yet, in one that does. @throws Error that `causeOf` explains */
export function makeNewFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    throw creationError(folder, error);
  }
}

/** @throws Error if the name is not a folder, or cannot be examined */
function isFolder(folder: string): boolean {
  let there;
  try {
    there = statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    // It is below a file, which ends the search.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw noFolder(folder, causeOf(error), error);
  }
  if (there === undefined || there.isDirectory()) return there !== undefined;
  throw noFolder(folder, 'the name is in use by something else', undefined);
}

function makeMissing(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process may have created it in the meantime.
    if (code === 'EEXIST' && isFolder(folder)) return;
    throw noFolder(folder, whyNot(folder, error), error);
  }
}

/** Returns an error with the reason why a file or folder cannot be created if the system only reports a missing one. */
export function creationError(file: string, error: unknown): unknown {
  const isOdd = (error as NodeJS.ErrnoException).code === 'ENOENT' && isFolder(path.dirname(file));
  return isOdd ? new Error(TAKES_NO_NEW, { cause: error }) : error;
}

/** The parent folder exists, so these two codes have another meaning than elsewhere. */
function whyNot(folder: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return TAKES_NO_NEW;
  return (code === 'EEXIST' ? deadLink(folder) : undefined) ?? causeOf(error);
}

/** Describes a dangling symbolic link; returns undefined for anything else. */
export function deadLink(file: string): string | undefined {
  try {
    if (!lstatSync(file).isSymbolicLink() || statSync(file, { throwIfNoEntry: false })) return undefined;
    return `it is a symbolic link to ${oneLine(readlinkSync(file))}, which does not exist`;
  } catch {
    return undefined;
  }
}

function noFolder(folder: string, why: string, cause: unknown): Error {
  return new Error(`the folder ${oneLine(folder)} cannot be created: ${why}`, { cause });
}
