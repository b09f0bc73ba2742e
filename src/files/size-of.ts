/** The size of a file that may be missing. */
import { statSync } from 'node:fs';

/** Returns the size in bytes; 0 for a missing file. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
