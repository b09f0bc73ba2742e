/** Reads the bytes of one line of JSON in the form that JSON.stringify writes. */
import { isPrintable } from '../../core/printable';
import { MAX_TEXT_CHARS } from './parse-line';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const DOT = 0x2e;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
/** Longer texts are not cached. */
const REMEMBERED_BYTES = 64;
/** The lowest and the highest bit of each of the four bytes of a word. */
const ONES = 0x01010101;
const TOPS = 0x80808080 | 0;

/** Bytes to compare, four at a time: comparing takes most of the reading time. */
export interface Literal {
  length: number;
  words: Int32Array;
  rest: Uint8Array;
}

export function literalOf(text: string): Literal {
  const bytes = Buffer.from(text);
  const words = Int32Array.from({ length: bytes.length >>> 2 }, (_, index) => bytes.readInt32LE(index * 4));
  return { length: bytes.length, words, rest: Uint8Array.from(bytes.subarray(words.length * 4)) };
}

const [TRUE, FALSE] = [literalOf('true'), literalOf('false')];

/** Once something is unexpected, the cursor is lost, and the values that it returns from there on are meaningless. */
export class LineCursor {
  isLost = false;
  /** A string cache indexed by a hash of the bytes, so that equal bytes yield the same string. */
  private readonly texts: string[];
  private readonly lengths: Uint8Array;
  private readonly remembered: DataView;
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;

  /** `slots` is the size of the string cache: a power of two. */
  constructor(slots: number) {
    this.texts = Array.from({ length: slots }, () => '');
    this.lengths = new Uint8Array(slots);
    this.remembered = new DataView(new ArrayBuffer(slots * REMEMBERED_BYTES));
  }

  /** Starts at a line. There must be a \n somewhere after `at`. */
  begin(bytes: Buffer, at: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.at = at;
    this.isLost = false;
  }

  /** Returns the index of the \n that comes next; -1 if something else does, or if the cursor is lost. */
  end(): number {
    if (this.bytes[this.at] === RETURN) this.at += 1;
    return !this.isLost && this.bytes[this.at] === NEWLINE ? this.at : -1;
  }

  /** Skips these bytes if they come next. */
  has({ length, words, rest }: Literal): boolean {
    const view = this.view;
    let at = this.at;
    if (at + length > view.byteLength) return false;
    for (let i = 0; i < words.length; i++, at += 4) if (view.getInt32(at, true) !== words[i]) return false;
    for (let i = 0; i < rest.length; i++, at++) if (view.getUint8(at) !== rest[i]) return false;
    this.at = at;
    return true;
  }

  literal(wanted: Literal): boolean {
    return this.has(wanted) || this.fail();
  }

  fail(): false {
    this.isLost = true;
    return false;
  }

  count(key: Literal): number {
    this.literal(key);
    return this.digits();
  }

  flag(key: Literal): boolean {
    this.literal(key);
    return this.has(TRUE) || (this.has(FALSE) ? false : this.fail());
  }

  /** Reads an exact whole number without sign or exponent. */
  private digits(): number {
    const bytes = this.bytes;
    const from = this.at;
    let at = from;
    let value = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO)
      value = value * 10 + digit;
    this.at = at;
    // JSON has no leading zeros.
    if (at === from || value > Number.MAX_SAFE_INTEGER || (bytes[from] === ZERO && at > from + 1)) this.fail();
    return value;
  }

  /** Yields the same double as JSON.parse: a whole number below 2^53 by a power of ten up to 10^22 is rounded once. */
  number(key: Literal, max: number): number {
    this.literal(key);
    const bytes = this.bytes;
    let value = this.digits();
    if (bytes[this.at] === DOT) {
      const from = this.at + 1;
      let at = from;
      for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO)
        value = value * 10 + digit;
      this.at = at;
      if (at === from || at - from >= POWERS.length || value > Number.MAX_SAFE_INTEGER) this.fail();
      else value /= POWERS[at - from]!;
    }
    if (value > max) this.fail();
    return value;
  }

  /** Reads a string without escapes and without characters that need them. */
  text(key: Literal): string {
    this.literal(key);
    const bytes = this.bytes;
    const from = this.at + 1;
    if (this.isLost || bytes[this.at] !== QUOTE) return this.noText();
    let at = from;
    let hash = 0;
    for (const view = this.view; at + 4 <= view.byteLength; at += 4) {
      const word = view.getInt32(at, true);
      // True if any of the four bytes is a quote or below a space.
      const other = word ^ (QUOTE * ONES);
      if ((((other - ONES) & ~other) | ((word - SPACE * ONES) & ~word)) & TOPS) break;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 13;
    }
    for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[++at]!) {
      if (byte < SPACE) return this.noText();
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.at = at + 1;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return this.textOf(from, at, (hash ^ (hash >>> 13)) & (this.lengths.length - 1));
  }

  private textOf(from: number, to: number, slot: number): string {
    const length = to - from;
    if (this.lengths[slot] === length && this.isRemembered(from, to, slot)) return this.texts[slot]!;
    const own = this.bytes.subarray(from, to);
    if (length > MAX_TEXT_CHARS || own.includes(BACKSLASH)) return this.noText();
    const text = own.toString('utf8');
    if (!isPrintable(text)) return this.noText();
    if (length > REMEMBERED_BYTES) return text;
    this.texts[slot] = text;
    this.lengths[slot] = length;
    new Uint8Array(this.remembered.buffer).set(own, slot * REMEMBERED_BYTES);
    return text;
  }

  /** Returns true if the slot holds the same bytes; the lengths are equal. */
  private isRemembered(from: number, to: number, slot: number): boolean {
    const view = this.view;
    const remembered = this.remembered;
    let at = from;
    let known = slot * REMEMBERED_BYTES;
    for (; at + 4 <= to; at += 4, known += 4) if (view.getInt32(at) !== remembered.getInt32(known)) return false;
    for (; at < to; at++, known++) if (view.getUint8(at) !== remembered.getUint8(known)) return false;
    return true;
  }

  private noText(): string {
    this.fail();
    return '';
  }
}
