/** Reads small text files, such as configurations and certificates, with reasons for users if they cannot be read. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { interruptibly } from '../core/system/stop-signals';

/** A configuration is a few hundred lines; a larger file is a wrong path. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** The reason why a file could not be read; `missing` lets a caller continue without an optional file. */
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
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'the path is too long',
};

/** Reads a small UTF-8 file (a byte order mark is dropped), or returns the reason why it cannot. */
export function readText(path: string): { text: string } | { problem: ReadProblem } {
  let bytes: Buffer;
  try {
    const read = (): Buffer => readAtMost(path, MAX_CONFIG_BYTES + 1);
    // A FIFO or a terminal may take long to deliver anything.
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
  if (bytes.length > MAX_CONFIG_BYTES) return refuse('is larger than 1 MiB, the limit for a configuration file');
  // Zero bytes mean binary data, for which the parser's message would not help.
  if (bytes.includes(0)) return refuse('is not UTF-8 text');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.trim() === '' ? refuse('is empty') : { text };
  } catch {
    return refuse('is not UTF-8 text');
  }
}

/** Bounded, because a path may name a device or a pipe, whose size is unknown. */
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
