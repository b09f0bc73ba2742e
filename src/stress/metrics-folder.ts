/** Prepares the metrics folder of a run: moves aside the files of an earlier one. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { timestamp } from '../core/log-line';
import { ClusterError } from '../core/errors';
import { filesOfMachine } from '../core/metrics/run-file-names';
import { causeOf } from '../files/cause';
import { makeFolder, makeNewFolder } from '../files/folders';
import { moveAside } from '../files/move';

/** Files that were moved, and their new folder. */
export interface Moved {
  count: number;
  folder: string;
}

/**
 * Creates the folder, and moves the files of an earlier run of this machine to `previous-<YYYYMMDD-HHMMSS>` in it;
 * returns null if there were none. Files of other machines, links and FIFOs stay.
 * @throws ClusterError `bad_usage` naming the folder
 */
export function prepareFolder(folder: string, machineId: number, now: Date): Moved | null {
  try {
    makeFolder(folder);
    const left = filesOfMachine(machineId);
    const names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && left.test(entry.name))
      .map(({ name }) => name);
    if (names.length === 0) return null;
    const aside = newFolder(
      path.join(
        folder,
        `previous-${timestamp(now)
          .replace(/[^ \d]/g, '')
          .replace(' ', '-')}`,
      ),
    );
    for (const name of names) moveAside(path.join(folder, name), path.join(aside, name));
    return { count: names.length, folder: aside };
  } catch (error) {
    throw new ClusterError('bad_usage', `cannot write to ${folder}: ${causeOf(error)}`, { cause: error });
  }
}

/** Appends a number if the name is taken. */
function newFolder(wanted: string): string {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? wanted : `${wanted}-${number}`;
    try {
      makeNewFolder(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
