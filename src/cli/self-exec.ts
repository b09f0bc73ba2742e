/** The command that starts this program again: the executable alone, or Node and a script. */
import path from 'node:path';
import { isSea } from 'node:sea';

export function selfExecCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, path.resolve(process.argv[1]!)];
}
