import { readdirSync } from 'node:fs';
import path from 'node:path';
import { timestamp } from '../core/log-line';
import { ClusterError } from '../core/errors';
import { causeOf } from '../files/cause';
import { makeFolder, makeNewFolder } from '../files/folders';
import { moveAside } from '../files/move';

/** What was moved, and where to. */
export interface Moved {
  count: number;
  folder: string;
}

/** machine_1_client_7.json, in the metrics folder. */
export function fileOf(folder: string, machineId: number, what: string): string {
  return path.join(folder, `machine_${machineId}_${what}`);
}

/**
 * Makes the folder, and moves what an earlier run of this machine left in it to `previous-<YYYYMMDD-HHMMSS>` there; null
 * where nothing was left. Files of other machines stay, and so do links and FIFOs that somebody put there.
 * @throws ClusterError `bad_usage` naming the folder
 */
export function prepareFolder(folder: string, machineId: number, now: Date): Moved | null {
  try {
    makeFolder(folder);
    // With the half-written files of a killed process, which nobody will finish.
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

/** With a number appended if the name is taken. */
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
