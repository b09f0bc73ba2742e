/** A histogram of whole numbers, like HdrHistogram: percentiles of any number of values in bounded memory. */

/** Buckets within one block have equal width; the width doubles from block to block, except for the first two. */
const BLOCK = 1024;
const BLOCK_BITS = 10;
const MAX_VALUE = 2 ** 32 - 1;

/**
 * Counts whole numbers of up to 32 bits in buckets: numbers below 2048 have a bucket each, and above that no bucket is
 * wider than 1/1024 of its values. The order of insertion does not matter, and a percentile taken from the upper end of
 * its bucket is at most 0.1 % too long, and never too short.
 */
export class Histogram {
  /** The number of values added. */
  count = 0;
  private readonly blocks: (Float64Array | undefined)[] = [];

  add(value: number, times = 1): void {
    const whole = Math.min(value, MAX_VALUE);
    // The bits below the eleven that select the bucket.
    const shift = Math.max(0, 31 - BLOCK_BITS - Math.clz32(whole));
    const index = shift * BLOCK + (whole >>> shift);
    this.block(index >>> BLOCK_BITS)[index & (BLOCK - 1)]! += times;
    this.count += times;
  }

  merge(other: Histogram): void {
    other.blocks.forEach((counts, number) => {
      const own = this.block(number);
      counts!.forEach((count, at) => (own[at]! += count));
    });
    this.count += other.count;
  }

  /** Returns the value at a rank (0 is the least), as the upper end of its bucket; null beyond the last rank. */
  at(rank: number): number | null {
    let left = rank;
    for (const [number, counts] of this.blocks.entries()) {
      for (let at = 0; counts !== undefined && at < BLOCK; at++) {
        left -= counts[at]!;
        if (left < 0) return endOf(number * BLOCK + at);
      }
    }
    return null;
  }

  private block(number: number): Float64Array {
    return (this.blocks[number] ??= new Float64Array(BLOCK));
  }
}

function endOf(index: number): number {
  const shift = Math.max(0, (index >>> BLOCK_BITS) - 1);
  return (index - shift * BLOCK) * 2 ** shift + 2 ** shift - 1;
}
