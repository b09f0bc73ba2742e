import { closeSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import { oneLine } from '../../core/printable';

const MAX_TAIL_BYTES = 4096;
const MAX_SHOWN_CHARS = 300;

/** What a server that was started here says on stdout and stderr. */
export function logFileOf({ workDir, id }: FaultServer): string {
  return path.join(workDir, `server_${id}.log`);
}

/** 0 for a file that is not there. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last line that was written to a file since it had so many bytes; empty if there is none. */
export function lastLine(file: string, fromBytes: number): string {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return '';
  const size = sizeOf(file);
  const from = Math.max(fromBytes <= size ? fromBytes : 0, size - MAX_TAIL_BYTES);
  if (size <= from) return '';
  const fd = openSync(file, 'r');
  try {
    const tail = Buffer.alloc(size - from);
    const text = tail.toString('utf8', 0, readSync(fd, tail, 0, tail.length, from));
    return oneLine(text.trimEnd().split('\n').at(-1)!).slice(0, MAX_SHOWN_CHARS);
  } finally {
    closeSync(fd);
  }
}
