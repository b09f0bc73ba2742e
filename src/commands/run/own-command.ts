import path from 'node:path';
import { isSea } from 'node:sea';

/** How this very program is started: alone, or as a script of Node. */
export function ownCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, path.resolve(process.argv[1]!)];
}
