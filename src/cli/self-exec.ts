import path from 'node:path';
import { isSea } from 'node:sea';

/** Returns the command that starts this program: the executable alone, or Node and a script. */
export function selfExecCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, path.resolve(process.argv[1]!)];
}
