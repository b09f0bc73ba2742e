/** Files that appear whole, and all together. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { causeOf } from './cause';

export interface NewFile {
  path: string;
  content: Uint8Array;
}

/**
 * Writes all files, with the folders they need. Each is written beside its place first; only when all are on disk do
 * they move there, so that a full disk leaves nothing behind.
 * Throws ClusterError `bad_usage` that names the file and the reason.
 */
export function writeAll(files: readonly NewFile[]): void {
  const written: { temporary: string; final: string }[] = [];
  try {
    for (const file of files) {
      const temporary = path.join(path.dirname(file.path), `.${path.basename(file.path)}.${process.pid}.tmp`);
      attempt(file.path, () => {
        mkdirSync(path.dirname(file.path), { recursive: true });
        written.push({ temporary, final: file.path });
        writeDurably(temporary, file.content);
      });
    }
    for (const { temporary, final } of written) attempt(final, () => renameSync(temporary, final));
  } finally {
    for (const { temporary } of written) rmSync(temporary, { force: true });
  }
}

function writeDurably(file: string, content: Uint8Array): void {
  const handle = openSync(file, 'w');
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function attempt(file: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new ClusterError('bad_usage', `cannot write ${file}: ${causeOf(error)}`, { cause: error });
  }
}
