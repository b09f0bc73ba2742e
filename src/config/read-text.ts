import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { interruptibly } from '../core/stop-signals';

/** A configuration is a few hundred lines; more is a mistaken path. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Why a file could not be read, in words; `missing` lets a caller go on without an optional one. */
export interface ReadProblem {
  missing: boolean;
  text: string;
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file (a part of the path is not a folder)',
  EISDIR: 'is a folder, expected a file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  ELOOP: 'its symbolic links go in a circle',
  ENAMETOOLONG: 'the path is too long',
};

/** The whole text of a small UTF-8 file (a byte order mark is dropped), or why there is none. */
export function readText(path: string): { text: string } | { problem: ReadProblem } {
  let bytes: Buffer;
  try {
    const read = (): Buffer => readAtMost(path, MAX_CONFIG_BYTES + 1);
    // Of a FIFO or a terminal it may be long before anything comes.
    bytes = statSync(path).isFile() ? read() : interruptibly(read);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    return { problem: { missing, text: REASONS[code] ?? `could not be read (${code})` } };
  }
  return decode(bytes);
}

function decode(bytes: Buffer): { text: string } | { problem: ReadProblem } {
  const refuse = (text: string) => ({ problem: { missing: false, text } });
  if (bytes.length > MAX_CONFIG_BYTES) return refuse('is larger than 1 MiB, which no configuration is');
  // Binary data is full of zero bytes, and the parser's answer to one would help nobody.
  if (bytes.includes(0)) return refuse('is not UTF-8 text');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.trim() === '' ? refuse('is empty') : { text };
  } catch {
    return refuse('is not UTF-8 text');
  }
}

/** Bounded, because a path may also name a device or a pipe, whose size nobody knows beforehand. */
function readAtMost(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(maxBytes);
    let filled = 0;
    while (filled < maxBytes) {
      const count = readSync(file, buffer, filled, maxBytes - filled, null);
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}
