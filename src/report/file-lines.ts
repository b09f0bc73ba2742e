import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { causeOf } from '../files/cause';

const BLOCK_BYTES = 1024 * 1024;
/** No line of ours comes near it. */
export const MAX_LINE_BYTES = 64 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface LineVisitor {
  /** Counted from 1. */
  line(text: string, number: number): void;
  problem(number: number, text: string): void;
}

/**
 * Reads a file line by line in bounded memory. A last line without its end is shown like any other: it is good if it
 * is whole. Returns how many lines there were, or why the file cannot be read.
 */
export function readLines(path: string, visitor: LineVisitor): { lines: number } | { problem: string } {
  try {
    return withFile(path, (file) => ({ lines: scan(file, visitor) }));
  } catch (error) {
    return { problem: causeOf(error) };
  }
}

/** A small file's whole text, or why not. */
export function readWhole(path: string): { text: string } | { problem: string } {
  try {
    return withFile(path, (file) => {
      if (fstatSync(file).size > MAX_JSON_BYTES) return { problem: 'is larger than 64 MiB' };
      return { text: readFileSync(file, 'utf8') };
    });
  } catch (error) {
    return { problem: causeOf(error) };
  }
}

function withFile<T>(path: string, use: (file: number) => T): T | { problem: string } {
  const file = openSync(path, 'r');
  try {
    // A pipe or a device may never end.
    return fstatSync(file).isFile() ? use(file) : { problem: 'is no file' };
  } finally {
    closeSync(file);
  }
}

function scan(file: number, visitor: LineVisitor): number {
  const block = Buffer.allocUnsafe(BLOCK_BYTES + MAX_LINE_BYTES);
  let kept = 0;
  let number = 0;
  let skipping = false;
  const show = (text: string): void => {
    number += 1;
    if (text.length > MAX_LINE_BYTES || skipping) visitor.problem(number, 'longer than 64 KiB');
    else if (text.trim() !== '') visitor.line(text, number);
    skipping = false;
  };
  for (;;) {
    const read = readSync(file, block, kept, BLOCK_BYTES, null);
    if (read === 0) break;
    const filled = kept + read;
    const end = block.lastIndexOf(NEWLINE, filled - 1);
    if (end >= 0) {
      for (const line of block.toString('utf8', 0, end).split('\n')) show(line);
      block.copy(block, 0, end + 1, filled);
    }
    kept = filled - (end + 1);
    if (kept <= MAX_LINE_BYTES) continue;
    // The line's end may be far away: nothing of it needs to be kept.
    skipping = true;
    kept = 0;
  }
  if (kept > 0 || skipping) show(block.toString('utf8', 0, kept));
  return number;
}
