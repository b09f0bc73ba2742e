/**
 * Readers that parse a bulk field's value as it arrives: an array of integers 0 to 255, or a base64 string. Values
 * beyond `maxBytes` are counted but not kept, so that the refusal can state the size.
 */
import { ClusterError } from '../../errors';
import { ByteBlocks } from './byte-blocks';

const QUOTE = 0x22;
const COMMA = 0x2c;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function badBulk(expected: string): ClusterError {
  return new ClusterError('bad_message', `the image data: expected ${expected}`);
}

/** Bytes kept up to a limit, and only counted beyond it. */
abstract class BulkReader {
  readonly blocks = new ByteBlocks();
  isDone = false;
  protected droppedBytes = 0;

  constructor(protected readonly maxBytes: number) {}

  /** Bytes of the field so far, kept or not. */
  get totalBytes(): number {
    return this.blocks.length + this.droppedBytes;
  }

  /** Reads from `start` until `end` or the value's end (then `isDone`); returns the index after the last byte read. */
  abstract read(bytes: Uint8Array, start: number, end: number): number;

  /** Makes room for one more byte, or drops everything once the limit is exceeded. */
  protected makeRoom(inputLeftBytes: number): boolean {
    if (this.droppedBytes > 0) return false;
    if (this.blocks.length < this.maxBytes) {
      this.blocks.grow(inputLeftBytes, this.maxBytes - this.blocks.length);
      return true;
    }
    this.droppedBytes = this.blocks.length;
    this.blocks.take();
    return false;
  }
}

/** No number read yet, right after `[` (an empty array may end here) or after a comma. */
const AT_START = -2;
const AFTER_COMMA = -1;

export class IntegerArrayReader extends BulkReader {
  /** The number being read, or one of the two states above. */
  private value = AT_START;
  /** True once whitespace has ended the number. */
  private isEnded = false;

  override read(bytes: Uint8Array, start: number, end: number): number {
    let value = this.value;
    for (let i = start; i < end; i++) {
      if (value === AFTER_COMMA) {
        i = this.readQuickly(bytes, i, end);
        if (i === end) break;
      }
      const byte = bytes[i] as number;
      const digit = byte - DIGIT_0;
      if (digit >= 0 && digit <= 9) {
        if (value < 0) value = digit;
        else if (value === 0 || this.isEnded) throw badBulk('integers from 0 to 255');
        else if ((value = value * 10 + digit) > 255) throw badBulk('integers from 0 to 255');
      } else if (byte === COMMA) {
        if (value < 0) throw badBulk('a number before each comma');
        this.push(value, end - i);
        value = AFTER_COMMA;
      } else if (byte === CLOSE_BRACKET) {
        if (value === AFTER_COMMA) throw badBulk('a number after each comma');
        if (value >= 0) this.push(value, 1);
        this.isDone = true;
        return i + 1;
      } else if (isSpace(byte)) {
        this.isEnded = value >= 0;
      } else throw badBulk('integers from 0 to 255');
    }
    this.value = value;
    return end;
  }

  /**
   * The fast path for numbers directly followed by a comma, which is nearly all of an array; starts where a number must
   * begin and runs while there is room. Returns the index of the first number that is not of this form.
   */
  private readQuickly(bytes: Uint8Array, start: number, end: number): number {
    const { block, fillBytes } = this.blocks;
    const maxFill = block.length;
    let fill = fillBytes;
    let i = start;
    while (fill < maxFill && i + 3 < end) {
      const first = (bytes[i] as number) - DIGIT_0;
      const second = bytes[i + 1] as number;
      if (first < 0 || first > 9) break;
      if (second === COMMA) {
        block[fill++] = first;
        i += 2;
        continue;
      }
      const tens = second - DIGIT_0;
      const third = bytes[i + 2] as number;
      if (first === 0 || tens < 0 || tens > 9) break;
      if (third === COMMA) {
        block[fill++] = first * 10 + tens;
        i += 3;
        continue;
      }
      const value = first * 100 + tens * 10 + third - DIGIT_0;
      if (third < DIGIT_0 || third > DIGIT_9 || value > 255 || bytes[i + 3] !== COMMA) break;
      block[fill++] = value;
      i += 4;
    }
    this.blocks.fillBytes = fill;
    return i;
  }

  private push(value: number, textLeftBytes: number): void {
    this.isEnded = false;
    const blocks = this.blocks;
    // Each further number takes at least two bytes of text.
    if (blocks.fillBytes === blocks.block.length && !this.makeRoom((textLeftBytes >> 1) + 1)) this.droppedBytes++;
    else blocks.block[blocks.fillBytes++] = value;
  }
}

const BASE64_BITS = new Int8Array(256).fill(-1);
for (const [i, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  BASE64_BITS[char.charCodeAt(0)] = i;
}

/** Standard base64; padding may be left out, and a slash may be escaped as JSON allows. */
export class Base64Reader extends BulkReader {
  private bits = 0;
  private bitCount = 0;
  private charCount = 0;
  private paddingCount = 0;
  private isEscaped = false;

  override read(bytes: Uint8Array, start: number, end: number): number {
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      const bits = BASE64_BITS[byte] as number;
      if (this.isEscaped && byte !== SLASH) throw badBulk('base64');
      if (bits >= 0 && this.paddingCount === 0) {
        this.isEscaped = false;
        this.charCount++;
        this.bits = ((this.bits << 6) | bits) & 0xfff;
        this.bitCount += 6;
        if (this.bitCount >= 8) this.pushByte(end - i);
      } else if (byte === QUOTE) {
        this.finish();
        return i + 1;
      } else if (byte === EQUALS) this.paddingCount++;
      else if (byte === BACKSLASH) this.isEscaped = true;
      else throw badBulk('base64');
    }
    return end;
  }

  private pushByte(textLeftBytes: number): void {
    this.bitCount -= 8;
    const blocks = this.blocks;
    if (blocks.fillBytes === blocks.block.length && !this.makeRoom(textLeftBytes)) this.droppedBytes++;
    else blocks.block[blocks.fillBytes++] = this.bits >> this.bitCount;
  }

  private finish(): void {
    const isPadded = this.paddingCount > 0;
    if (this.charCount % 4 === 1 || (isPadded && ((this.charCount + this.paddingCount) % 4 || this.paddingCount > 2))) {
      throw badBulk('base64');
    }
    this.isDone = true;
  }
}
