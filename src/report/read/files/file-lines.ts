/** Reads a file line by line in bounded memory. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { causeOf } from '../../../files/cause';

const BLOCK_BYTES = 1024 * 1024;
/** Far longer than any line that this project writes. */
export const MAX_LINE_BYTES = 64 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

export interface LineVisitor {
  /**
   * Called first: consumes the line that starts at `from` and returns the index of its end (\n), or -1 to get the line
   * as a string instead.
   */
  bytes?(block: Buffer, from: number, number: number): number;
  /** Receives a line; numbers start at 1. Blank lines are skipped. */
  line(text: string, number: number): void;
  problem(number: number, text: string): void;
  /** Polled between blocks; true stops reading. */
  isEnough?(): boolean;
}

/** The result of reading; `problem` says why the file could not be opened or read to its end. */
export interface LinesRead {
  lines: number;
  problem: string | null;
}

/** A last line without \n is treated like any other: it may be complete. */
export function readLines(path: string, visitor: LineVisitor): LinesRead {
  const scan = new LineScan(visitor);
  const read = withFile(path, (file) => scan.run(file));
  return { lines: scan.lines, problem: read?.problem ?? null };
}

/** Returns the text of a small file, or the reason why it cannot be read. */
export function readWhole(path: string): { text: string } | { problem: string } {
  return withFile(path, (file) => {
    if (fstatSync(file).size > MAX_JSON_BYTES) return { problem: 'is larger than 64 MiB' };
    return { text: readFileSync(file, 'utf8').replace(/^\ufeff/, '') };
  });
}

function withFile<T>(path: string, use: (file: number) => T): T | { problem: string } {
  let file: number | undefined;
  try {
    // Opening a pipe without a writer would block.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    // A pipe or a device may never end.
    return fstatSync(file).isFile() ? use(file) : { problem: 'is not a regular file' };
  } catch (error) {
    return { problem: (error as NodeJS.ErrnoException).code === 'ENXIO' ? 'is not a regular file' : causeOf(error) };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

class LineScan {
  lines = 0;
  private readonly block = Buffer.allocUnsafe(BLOCK_BYTES + MAX_LINE_BYTES + 1);
  /** True if the start of the current line was discarded, because it is too long. */
  private isSkipping = false;

  constructor(private readonly visitor: LineVisitor) {}

  run(file: number): void {
    const block = this.block;
    let kept = 0;
    let isFirst = true;
    while (!this.visitor.isEnough?.()) {
      const filled = kept + readSync(file, block, kept, BLOCK_BYTES, null);
      if (filled === kept) return this.last(kept);
      const from = isFirst && block.subarray(0, filled).indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
      isFirst = false;
      const end = block.lastIndexOf(NEWLINE, filled - 1) + 1;
      this.show(from, end);
      kept = filled - end;
      if (kept > MAX_LINE_BYTES) {
        // The line is too long already: nothing of it needs to be kept.
        this.isSkipping = true;
        kept = 0;
      } else if (kept > 0) block.copy(block, 0, end, filled);
    }
  }

  private last(kept: number): void {
    if (kept === 0 && !this.isSkipping) return;
    this.block[kept] = NEWLINE;
    this.show(0, kept + 1);
  }

  /** Visits complete lines. */
  private show(from: number, to: number): void {
    const block = this.block;
    for (let at = from; at < to; at++) {
      const number = ++this.lines;
      if (block[at] === NEWLINE && !this.isSkipping) continue;
      const end = this.isSkipping ? -1 : (this.visitor.bytes?.(block, at, number) ?? -1);
      at = end < 0 ? this.showText(at, number) : end;
    }
  }

  /** Returns the index of the line's end. */
  private showText(from: number, number: number): number {
    const end = this.block.indexOf(NEWLINE, from);
    if (this.isSkipping || end - from > MAX_LINE_BYTES) this.visitor.problem(number, 'longer than 64 KiB');
    else {
      const text = this.block.toString('utf8', from, end);
      if (text.trim() !== '') this.visitor.line(text, number);
    }
    this.isSkipping = false;
    return end;
  }
}
