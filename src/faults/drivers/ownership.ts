/** Decides by owner and mode whether a pid file or folder can be trusted, as other users may have written it. */
import { type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { oneLine } from '../../core/printable';
import { causeOf } from '../../files/cause';
import { type Access, otherWriters } from '../../files/other-writers';
import { refused } from '../refusal';

const STICKY = 0o1000;

/** A process that a pid file names, and its user. */
export interface Named {
  pid: number;
  uid: number;
}

/**
 * Returns the reason why a pid file may come from a user without authority over the process that it names; undefined if
 * it is trusted. The file and its folder must belong to the user of that process or to root. Others may write
 * there only if the owner is the user of this program and not root.
 * @throws ClusterError if the folder cannot be examined
 */
export function forgery(pidFile: string, stats: Stats, named: Named, runnerId = ownUserId()): string | undefined {
  const file = oneLine(pidFile);
  const folder = path.dirname(pidFile);
  const place = `the folder ${oneLine(folder)} of the pid file`;
  const expected = named.uid === 0 ? 'root' : `${userName(named.uid)} or root`;
  const runsAs = `process ${named.pid}, which runs as ${userName(named.uid)}`;
  if (!isOf(stats, named)) return `${file} (${showAccess(stats)}) names ${runsAs}: expected a file of ${expected}`;
  const inFolder = folderStats(folder);
  if (!isOf(inFolder, named)) {
    const hint = `run the server as ${userName(inFolder.uid)}, or let its pid_file be in a folder of ${expected}`;
    return `${place} (${showAccess(inFolder)}) names ${runsAs}: expected a folder of ${expected}; ${hint}`;
  }
  // In a sticky folder, users cannot remove or replace each other's files.
  const byFolder = inFolder.mode & STICKY ? undefined : looseness(place, folder, inFolder, runnerId);
  return looseness(file, pidFile, stats, runnerId) ?? byFolder;
}

/** True if only the user of this program can change the content of a folder, so that links in it can be trusted. */
export function isOwnGround(folder: string): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  const runnerId = ownUserId();
  if (stats === undefined || stats.uid !== runnerId) return false;
  return runnerId !== 0 || otherWriters(stats) === undefined;
}

export function ownUserId(): number {
  return process.geteuid?.() ?? 0;
}

/** Formats `root`, or `user 1000`. */
export function userName(uid: number): string {
  return uid === 0 ? 'root' : `user ${uid}`;
}

function isOf({ uid }: Access, named: Named): boolean {
  return uid === named.uid || uid === 0;
}

function looseness(what: string, at: string, stats: Access, runnerId: number): string | undefined {
  if (runnerId === stats.uid && runnerId !== 0) return undefined;
  const writers = otherWriters(stats);
  if (writers === undefined) return undefined;
  const fix = `chmod ${writers.chmod} ${oneLine(at)}`;
  return `${what} (${showAccess(stats)}) can be written by ${writers.who}, expected by its owner only: ${fix}`;
}

/** Formats `user 1000, mode 755`. */
export function showAccess({ uid, mode }: Access): string {
  return `${userName(uid)}, mode ${(mode & 0o7777).toString(8)}`;
}

function folderStats(folder: string): Stats {
  try {
    return statSync(folder);
  } catch (error) {
    throw refused(`cannot read ${oneLine(folder)}: ${causeOf(error)}`, error);
  }
}
