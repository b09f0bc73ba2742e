/**
 * Reads a zlib stream (RFC 1950) in pieces of any size. Stored blocks are passed through without copying; from the
 * first block of another kind on, zlib takes over with the last 32 KiB as its window.
 */
import { ClusterError } from '../core/errors';
import { syncInflate, type SyncInflate } from './sync-inflate';

const WINDOW_BYTES = 32_768;

const damaged = (what: string) => new ClusterError('bad_image', `the PNG's pixels are damaged: ${what}`);

export class ZlibReader {
  private state: 'header' | 'block' | 'stored' | 'inflate' | 'end' = 'header';
  /** A header being read. */
  private readonly field = new Uint8Array(5);
  private fieldBytes = 0;
  private storedBytes = 0;
  private finalBlock = false;
  private window: Uint8Array | undefined;
  private outputBytes = 0;
  private inflate: SyncInflate | undefined;

  /** `take` gets the output in order, valid during the call only; once it returns false, no more is read. */
  constructor(private readonly take: (output: Uint8Array) => boolean) {}

  /** @throws ClusterError('bad_image') */
  push(input: Uint8Array): void {
    for (let at = 0; at < input.length && this.state !== 'end';) at = this.step(input, at);
  }

  close(): void {
    this.inflate?.close();
    this.inflate = undefined;
    this.window = undefined;
    this.state = 'end';
  }

  private step(input: Uint8Array, at: number): number {
    switch (this.state) {
      case 'header':
        this.field[this.fieldBytes++] = input[at]!;
        if (this.fieldBytes === 2) this.readHeader();
        return at + 1;
      case 'block':
        return this.readBlockHeader(input, at);
      case 'stored':
        return this.passStored(input, at);
      case 'inflate':
        this.inflate!.write(input.subarray(at), (output) => this.pass(output));
        return input.length;
      case 'end':
        return input.length;
    }
  }

  private readHeader(): void {
    const [method, flags] = this.field as unknown as [number, number];
    if ((method & 15) !== 8 || method >> 4 > 7 || ((method << 8) | flags) % 31 !== 0) throw damaged('no zlib header');
    if (flags & 0x20) throw damaged('a preset dictionary');
    this.fieldBytes = 0;
    this.state = 'block';
  }

  /** At a byte boundary. The first byte of a block gives its kind: bit 0 last one, bits 1 and 2 type, 0 = stored. */
  private readBlockHeader(input: Uint8Array, at: number): number {
    const { field } = this;
    if (this.fieldBytes === 0 && (input[at]! & 6) !== 0) {
      this.inflate = syncInflate(this.orderedWindow());
      this.state = 'inflate';
      return at;
    }
    field[this.fieldBytes++] = input[at]!;
    if (this.fieldBytes < 5) return at + 1;
    this.storedBytes = field[1]! | (field[2]! << 8);
    if ((this.storedBytes ^ (field[3]! | (field[4]! << 8))) !== 0xffff)
      throw damaged('a stored block has an invalid length');
    this.finalBlock = (field[0]! & 1) === 1;
    this.fieldBytes = 0;
    this.state = 'stored';
    if (this.storedBytes === 0) this.endBlock();
    return at + 1;
  }

  private passStored(input: Uint8Array, at: number): number {
    const end = Math.min(input.length, at + this.storedBytes);
    const piece = input.subarray(at, end);
    this.storedBytes -= piece.length;
    if (this.storedBytes === 0) this.endBlock();
    if (!this.finalBlock) this.remember(piece);
    this.pass(piece);
    return end;
  }

  private endBlock(): void {
    this.state = this.finalBlock ? 'end' : 'block';
  }

  private pass(output: Uint8Array): boolean {
    const more = this.take(output);
    if (!more) this.close();
    return more;
  }

  /** Keeps the last 32 KiB of output in a ring: a later compressed block may refer back to them. */
  private remember(piece: Uint8Array): void {
    this.window ??= new Uint8Array(WINDOW_BYTES);
    const last = piece.subarray(Math.max(0, piece.length - WINDOW_BYTES));
    const at = (this.outputBytes + piece.length - last.length) % WINDOW_BYTES;
    const room = WINDOW_BYTES - at;
    this.window.set(last.subarray(0, room), at);
    if (last.length > room) this.window.set(last.subarray(room), 0);
    this.outputBytes += piece.length;
  }

  private orderedWindow(): Uint8Array {
    if (this.window === undefined) return new Uint8Array(0);
    if (this.outputBytes <= WINDOW_BYTES) return this.window.slice(0, this.outputBytes);
    const at = this.outputBytes % WINDOW_BYTES;
    const ordered = new Uint8Array(WINDOW_BYTES);
    ordered.set(this.window.subarray(at));
    ordered.set(this.window.subarray(0, at), WINDOW_BYTES - at);
    return ordered;
  }
}
