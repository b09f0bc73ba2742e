import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { causeOf } from '../../files/cause';

const BLOCK_BYTES = 1024 * 1024;
/** No line of ours comes near it. */
export const MAX_LINE_BYTES = 64 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

export interface LineVisitor {
  /**
   * Asked first: takes the line that begins at `from` out of the bytes and returns where its end (\n) is, or -1 for one
   * that it wants as a text.
   */
  bytes?(block: Buffer, from: number, number: number): number;
  /** Counted from 1. Lines of nothing but white space are not shown. */
  line(text: string, number: number): void;
  problem(number: number, text: string): void;
  /** Asked from time to time: whether the rest is not wanted. */
  isEnough?(): boolean;
}

/** `problem`: why the file cannot be read, or not to its end. */
export interface LinesRead {
  lines: number;
  problem: string | null;
}

/**
 * Reads a file line by line in bounded memory. A last line without its end is shown like any other: it is good if it
 * is whole.
 */
export function readLines(path: string, visitor: LineVisitor): LinesRead {
  const scan = new LineScan(visitor);
  const read = withFile(path, (file) => scan.run(file));
  return { lines: scan.lines, problem: read?.problem ?? null };
}

/** A small file's whole text, or why not. */
export function readWhole(path: string): { text: string } | { problem: string } {
  return withFile(path, (file) => {
    if (fstatSync(file).size > MAX_JSON_BYTES) return { problem: 'is larger than 64 MiB' };
    return { text: readFileSync(file, 'utf8').replace(/^\ufeff/, '') };
  });
}

function withFile<T>(path: string, use: (file: number) => T): T | { problem: string } {
  let file: number | undefined;
  try {
    // A pipe that nobody writes to would make us wait already here.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    // A pipe or a device may never end.
    return fstatSync(file).isFile() ? use(file) : { problem: 'is no file' };
  } catch (error) {
    return { problem: (error as NodeJS.ErrnoException).code === 'ENXIO' ? 'is no file' : causeOf(error) };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

class LineScan {
  lines = 0;
  readonly #visitor: LineVisitor;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES + MAX_LINE_BYTES + 1);
  /** The beginning of this line was too long to be kept. */
  #isSkipping = false;

  constructor(visitor: LineVisitor) {
    this.#visitor = visitor;
  }

  run(file: number): void {
    const block = this.#block;
    let kept = 0;
    let isFirst = true;
    while (!this.#visitor.isEnough?.()) {
      const filled = kept + readSync(file, block, kept, BLOCK_BYTES, null);
      if (filled === kept) return this.#last(kept);
      const from = isFirst && block.subarray(0, filled).indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
      isFirst = false;
      const end = block.lastIndexOf(NEWLINE, filled - 1) + 1;
      this.#show(from, end);
      kept = filled - end;
      if (kept > MAX_LINE_BYTES) {
        // The line's end may be far away: nothing of it needs to be kept.
        this.#isSkipping = true;
        kept = 0;
      } else if (kept > 0) block.copy(block, 0, end, filled);
    }
  }

  #last(kept: number): void {
    if (kept === 0 && !this.#isSkipping) return;
    this.#block[kept] = NEWLINE;
    this.#show(0, kept + 1);
  }

  /** Whole lines. */
  #show(from: number, to: number): void {
    const block = this.#block;
    for (let at = from; at < to; at++) {
      const number = ++this.lines;
      if (block[at] === NEWLINE && !this.#isSkipping) continue;
      const end = this.#isSkipping ? -1 : (this.#visitor.bytes?.(block, at, number) ?? -1);
      at = end < 0 ? this.#showText(at, number) : end;
    }
  }

  /** Returns where it ends. */
  #showText(from: number, number: number): number {
    const end = this.#block.indexOf(NEWLINE, from);
    if (this.#isSkipping || end - from > MAX_LINE_BYTES) this.#visitor.problem(number, 'longer than 64 KiB');
    else {
      const text = this.#block.toString('utf8', from, end);
      if (text.trim() !== '') this.#visitor.line(text, number);
    }
    this.#isSkipping = false;
    return end;
  }
}
