/** The metrics folder of a run: the paths of its files, and moving aside those of an earlier run. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { timestamp } from '../core/log-line';
import { ClusterError } from '../core/errors';
import { causeOf } from '../files/cause';
import { makeFolder, makeNewFolder } from '../files/folders';
import { moveAside } from '../files/move';

/** Files that were moved, and their new folder. */
export interface Moved {
  count: number;
  folder: string;
}

/** Returns the path of a file in the metrics folder, like machine_1_client_7.json. */
export function fileOf(folder: string, machineId: number, what: string): string {
  return path.join(folder, `machine_${machineId}_${what}`);
}

/**
 * Creates the folder, and moves the files of an earlier run of this machine to `previous-<YYYYMMDD-HHMMSS>` in it;
 * returns null if there were none. Files of other machines, links and FIFOs stay.
 * @throws ClusterError `bad_usage` naming the folder
 */
export function prepareFolder(folder: string, machineId: number, now: Date): Moved | null {
  try {
    makeFolder(folder);
    // Includes unfinished files of a killed process.
    const left = new RegExp(
      `^(\\.?machine_${machineId}_(client_\\d+\\.(json|log)|run\\.json)(\\.[\\da-f.]+\\.tmp)?|machine_${machineId}_(requests|generator)\\.ndjson)$`,
    );
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
