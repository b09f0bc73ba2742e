/**
 * Reads a plain JSON frame with a bulk field as it arrives: the field's value goes to a byte collection, everything
 * else to a small JSON text with `null` in its place, which JSON.parse then checks as a whole. So the scanner needs no
 * grammar beyond strings, depth and "this string is a key".
 */
import { ClusterError } from '../../errors';
import { Base64Reader, IntegerArrayReader } from './bulk-readers';
import { ByteBuffer } from './byte-blocks';

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const NULL = Buffer.from('null');

/** The depth of a message's own keys in `{"TaskRequest":{…}}`. */
const FIELD_DEPTH = 2;

export interface ScannerLimits {
  /** Limit of the bulk field. */
  maxBodyBytes: number;
  /** Limit of everything else together. */
  maxJsonBytes: number;
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export class TaskRequestScanner {
  private readonly bulkKey: Buffer;
  private readonly rest = new ByteBuffer();
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  /** Start, in the rest, of the last string at field depth, including its quote. */
  private stringStart = -1;
  private isBulkKey = false;
  private isBulkNext = false;
  private reader: IntegerArrayReader | Base64Reader | undefined;

  /** `bulkField`: the key whose value is the body. */
  constructor(
    bulkField: string,
    private readonly limits: ScannerLimits,
  ) {
    this.bulkKey = Buffer.from(JSON.stringify(bulkField));
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.rest.heldBytes + (this.reader?.blocks.heldBytes ?? 0);
  }

  /** Reads `bytes[start, end)`. @throws ClusterError `bad_message` or `frame_too_large` */
  push(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    while (i < end) {
      const reader = this.reader;
      i = reader !== undefined && !reader.isDone ? reader.read(bytes, i, end) : this.readJson(bytes, i, end);
    }
  }

  /**
   * Returns, after the last byte, the JSON text with `null` for the bulk field, and the body. `bodyLength` may exceed
   * the limit; then the body was dropped and `body` is empty.
   */
  finish(): { json: Buffer; body: Uint8Array[]; bodyLength: number } {
    const bodyLength = this.reader?.totalBytes ?? 0;
    return { json: this.rest.view(), body: this.reader?.blocks.take() ?? [], bodyLength };
  }

  /** Reads JSON text up to `end` or the start of a bulk value; returns the index after the last byte read. */
  private readJson(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    for (; i < end; i++) {
      const byte = bytes[i] as number;
      if (this.isBulkNext && !isSpace(byte)) {
        this.isBulkNext = false;
        if (byte === OPEN_BRACKET || byte === QUOTE) {
          this.keep(bytes, start, i);
          this.beginBulk(byte);
          return i + 1;
        }
      }
      if (this.isInString) this.readInString(bytes, start, i, byte);
      else this.readOutside(byte, start, i);
    }
    this.keep(bytes, start, i);
    return end;
  }

  private readInString(bytes: Uint8Array, start: number, index: number, byte: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) {
      this.isInString = false;
      if (this.stringStart >= 0) this.isBulkKey = this.isKeyAt(bytes, start, index);
    }
  }

  private readOutside(byte: number, start: number, index: number): void {
    if (byte === QUOTE) {
      this.isInString = true;
      this.isBulkKey = false;
      this.stringStart = this.depth === FIELD_DEPTH ? this.rest.length + index - start : -1;
    } else if (byte === COLON) {
      this.isBulkNext = this.isBulkKey;
      this.isBulkKey = false;
    } else if (!isSpace(byte)) {
      this.isBulkKey = false;
      // `{` and `[`, `}` and `]` differ only in one bit.
      if ((byte & ~0x20) === OPEN_BRACKET) this.depth++;
      else if ((byte & ~0x20) === OPEN_BRACKET + 2) this.depth--;
    }
  }

  /**
   * Returns true if the string that ends at `index` is the bulk field's name; part of it may be in the rest already.
   */
  private isKeyAt(bytes: Uint8Array, start: number, index: number): boolean {
    const key = this.bulkKey;
    const keptLength = this.rest.length;
    if (keptLength + index - start + 1 - this.stringStart !== key.length) return false;
    const kept = this.rest.view();
    return key.every((byte, k) => {
      const at = this.stringStart + k;
      return byte === (at < keptLength ? kept[at] : bytes[start + at - keptLength]);
    });
  }

  private beginBulk(firstByte: number): void {
    if (this.reader !== undefined) throw new ClusterError('bad_message', 'the image data is there twice');
    const { maxBodyBytes } = this.limits;
    this.reader = firstByte === QUOTE ? new Base64Reader(maxBodyBytes) : new IntegerArrayReader(maxBodyBytes);
    this.keep(NULL, 0, NULL.length);
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const { maxJsonBytes } = this.limits;
    if (this.rest.length + end - start > maxJsonBytes) {
      throw new ClusterError('frame_too_large', `the JSON besides the image data has more than ${maxJsonBytes} bytes`);
    }
    this.rest.append(bytes, start, end, maxJsonBytes);
  }
}
