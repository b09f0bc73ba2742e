/**
 * Scales an image row by row. When it shrinks, a pixel is the mean of four taps, at a quarter and at three quarters of
 * its extent in both directions; when it grows, it is its nearest neighbour.
 */
import type { Cover } from './cover';
import type { Size } from './sizes';

export class Scaler {
  private readonly taps: { left: Uint32Array; right: Uint32Array } | null;
  private readonly nearest: Uint32Array;

  constructor(
    private readonly from: Cover,
    private readonly to: Size,
  ) {
    const grows = to.width * to.height > from.width * from.height;
    this.taps = grows ? null : { left: this.columns(0.25), right: this.columns(0.75) };
    this.nearest = grows ? this.columns(0.5) : new Uint32Array(0);
  }

  /** Returns true if two rows are equal because they come from the same source row. */
  sameRow(one: number, other: number): boolean {
    return this.taps === null && this.sourceRow(one, 0.5) === this.sourceRow(other, 0.5);
  }

  /** Writes row `y`, 3 × to.width bytes, into `target` at `at`. */
  row(target: Uint8Array, at: number, y: number): void {
    if (this.taps === null) this.nearestRow(target, at, this.sourceRow(y, 0.5));
    else this.meanRow(target, at, this.sourceRow(y, 0.25), this.sourceRow(y, 0.75), this.taps);
  }

  /** Copies four pixels at a time as three words, twice as fast as bytes; to.width is a multiple of 16. */
  private nearestRow(target: Uint8Array, at: number, start: number): void {
    const { rgb } = this.from;
    const { nearest } = this;
    const words = new DataView(target.buffer, target.byteOffset + at, nearest.length * 3);
    for (let x = 0, to = 0; x < nearest.length; x += 4, to += 12) {
      const a = start + nearest[x]!;
      const b = start + nearest[x + 1]!;
      const c = start + nearest[x + 2]!;
      const d = start + nearest[x + 3]!;
      words.setInt32(to, rgb[a]! | (rgb[a + 1]! << 8) | (rgb[a + 2]! << 16) | (rgb[b]! << 24), true);
      words.setInt32(to + 4, rgb[b + 1]! | (rgb[b + 2]! << 8) | (rgb[c]! << 16) | (rgb[c + 1]! << 24), true);
      words.setInt32(to + 8, rgb[c + 2]! | (rgb[d]! << 8) | (rgb[d + 1]! << 16) | (rgb[d + 2]! << 24), true);
    }
  }

  private meanRow(
    target: Uint8Array,
    at: number,
    upper: number,
    lower: number,
    { left, right }: { left: Uint32Array; right: Uint32Array },
  ): void {
    const { rgb } = this.from;
    for (let x = 0; x < left.length; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const one = left[x]! + channel;
        const other = right[x]! + channel;
        const sum = rgb[upper + one]! + rgb[upper + other]! + rgb[lower + one]! + rgb[lower + other]!;
        target[at++] = (sum + 2) >> 2;
      }
    }
  }

  /** Returns the byte offset in a source row for each column. */
  private columns(share: number): Uint32Array {
    const { from, to } = this;
    return Uint32Array.from({ length: to.width }, (_, x) => Math.floor(((x + share) * from.width) / to.width) * 3);
  }

  private sourceRow(y: number, share: number): number {
    return Math.floor(((y + share) * this.from.height) / this.to.height) * this.from.width * 3;
  }
}
