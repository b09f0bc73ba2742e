/** Buffers that grow with the data received, never with the length that a header announces. */

const FIRST_BYTES = 1024;
const MAX_BLOCK_BYTES = 65_536;
/** Smaller chunks are copied: the object around them, and the rest of the memory they are a view of, would dominate. */
const MIN_KEPT_BYTES = 4096;

/** Bytes collected in blocks, so that growing copies nothing. */
export class ByteBlocks {
  /** The block being filled, and how many of its bytes are; a scanner's inner loop works on these directly. */
  block = new Uint8Array(0);
  fillBytes = 0;
  private readonly full: Uint8Array[] = [];
  private fullBytes = 0;
  /** Memory that `full` keeps alive. */
  private fullHeldBytes = 0;

  /** Number of bytes collected so far. */
  get length(): number {
    return this.fullBytes + this.fillBytes;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.fullHeldBytes + this.block.length;
  }

  /**
   * Stores the (full) block and begins one of at most `maxBytes`; `hintBytes`: what the current input may still add.
   */
  grow(hintBytes: number, maxBytes: number): void {
    this.putAway();
    const size = Math.max(FIRST_BYTES, this.fullBytes, hintBytes);
    this.block = new Uint8Array(Math.min(size, maxBytes, MAX_BLOCK_BYTES));
  }

  /**
   * Adds a chunk of at most `maxBytes`. A large one is kept by reference and so must not change; small ones are copied
   * together, so that the memory held depends on their bytes and not on their number.
   */
  append(chunk: Uint8Array, maxBytes: number): void {
    if (chunk.length >= MIN_KEPT_BYTES && 2 * chunk.length >= chunk.buffer.byteLength) {
      this.putAway();
      return this.keep(chunk, chunk.buffer.byteLength);
    }
    for (let start = 0; start < chunk.length;) {
      const leftBytes = chunk.length - start;
      if (this.fillBytes === this.block.length) this.grow(leftBytes, maxBytes - start);
      const end = start + Math.min(leftBytes, this.block.length - this.fillBytes);
      this.block.set(chunk.subarray(start, end), this.fillBytes);
      this.fillBytes += end - start;
      start = end;
    }
  }

  /** Returns everything collected, in order, and empties the collection. */
  take(): Uint8Array[] {
    this.putAway();
    this.fullBytes = 0;
    this.fullHeldBytes = 0;
    return this.full.splice(0);
  }

  private putAway(): void {
    const { block, fillBytes } = this;
    if (block.length === 0) return;
    if (2 * fillBytes < block.length) this.keep(block.slice(0, fillBytes), fillBytes);
    else this.keep(block.subarray(0, fillBytes), block.length);
    this.block = new Uint8Array(0);
    this.fillBytes = 0;
  }

  private keep(bytes: Uint8Array, heldBytes: number): void {
    if (bytes.length > 0) this.full.push(bytes);
    this.fullBytes += bytes.length;
    this.fullHeldBytes += heldBytes;
  }
}

/** Bytes collected in one contiguous buffer. */
export class ByteBuffer {
  private bytes: Buffer = Buffer.alloc(0);
  private usedBytes = 0;

  get length(): number {
    return this.usedBytes;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.bytes.length;
  }

  /** Appends `source[start, end)`; the capacity doubles, but never beyond `maxBytes`. */
  append(source: Uint8Array, start: number, end: number, maxBytes: number): void {
    const needed = this.usedBytes + end - start;
    if (needed > this.bytes.length) this.reserve(needed, maxBytes);
    if (end - start === 1) this.bytes[this.usedBytes] = source[start] as number;
    else this.bytes.set(source.subarray(start, end), this.usedBytes);
    this.usedBytes = needed;
  }

  /** Returns a view of everything collected, valid until the next append. */
  view(): Buffer {
    return this.bytes.subarray(0, this.usedBytes);
  }

  clear(): void {
    this.bytes = Buffer.alloc(0);
    this.usedBytes = 0;
  }

  private reserve(needed: number, maxBytes: number): void {
    const capacity = Math.max(needed, Math.min(maxBytes, Math.max(256, 2 * this.bytes.length)));
    // Not from the shared pool: a slow frame would keep 8 KiB of it alive for a few bytes.
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.bytes.subarray(0, this.usedBytes));
    this.bytes = grown;
  }
}
