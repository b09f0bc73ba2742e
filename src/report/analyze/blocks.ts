/** Divides a run into five blocks of equal time, with the latencies of each operation, for `report --compare`. */
import type { ForEachRow, Row } from '../read/columns';
import type { Interval } from '../report';
import type { Block, BlockOperation, Blocks } from '../report-blocks';
import { countUpTo, touchOf } from './intervals';
import { BUCKETS, bucketOf, sparse } from './timeline';

export const BLOCKS = 5;

export interface BlockOptions {
  /** The names of the operations, by index. */
  images: readonly string[];
  /** From the first request due to the end of the run. */
  run: Interval;
  /** -Infinity: there is no warm-up. */
  warmUntilMs: number;
  /** Faults, and the recovery from them. */
  troubled: readonly Interval[];
  /** The longest that a success can take, with which failures count; Infinity if unknown. */
  longestMs: number;
  /** The reason why nothing can be told of the blocks, if any. */
  unknown: string | null;
}

/** A request belongs to the block in which it was due, so that its outcome does not move it. */
export function blocksOf(forEachRow: ForEachRow, options: BlockOptions): Blocks {
  const { images, run, warmUntilMs, troubled, longestMs, unknown } = options;
  const measured = { from: Math.max(run.from, warmUntilMs), to: Math.max(run.to, run.from, warmUntilMs) };
  const whole = new BlockCells([measured], images.length);
  const steady = troubled.length === 0 ? null : new BlockCells(without(measured, troubled), images.length);
  const isTroubled = touchOf(troubled);
  forEachRow((row) => {
    // The latency of a failure is unknown without a request timeout, but no shorter than that of any success.
    const latencyMs = row.isFailed ? Math.max(row.latencyMs, longestMs) : row.latencyMs;
    whole.add(row, latencyMs);
    if (steady !== null && !isTroubled(row)) steady.add(row, latencyMs);
  });
  // By name, because the order of the indices is that of the files.
  const order = images.map((_, index) => index).sort((a, b) => (images[a]! < images[b]! ? -1 : 1));
  const names = order.map((index) => images[index]!);
  return { images: names, unknown, whole: whole.told(order), steady: steady && steady.told(order) };
}

/** Returns the parts of an interval outside all others. */
function without({ from, to }: Interval, others: readonly Interval[]): Interval[] {
  const parts: Interval[] = [];
  let atMs = from;
  for (const other of [...others].sort((a, b) => a.from - b.from)) {
    if (other.from > atMs) parts.push({ from: atMs, to: Math.min(other.from, to) });
    atMs = Math.max(atMs, other.to);
    if (atMs >= to) return parts;
  }
  return [...parts, { from: atMs, to }];
}

/** The counts of five blocks of the time in some intervals, one after the other. */
class BlockCells {
  private readonly froms: Float64Array;
  /** The time in the intervals before each. */
  private readonly beforeMs: Float64Array;
  private readonly totalMs: number;
  private readonly blocks: { successes: number; failed: number; undecided: number }[];
  /** By block, then by operation, then by bucket. */
  private readonly counts: Uint32Array;
  /** By block, then by operation. */
  private readonly unknown: Uint32Array;
  private readonly totalsUs: Float64Array;

  constructor(
    private readonly intervals: readonly Interval[],
    private readonly operationCount: number,
  ) {
    let totalMs = 0;
    this.froms = Float64Array.from(intervals, ({ from }) => from);
    this.beforeMs = Float64Array.from(intervals, ({ from, to }) => (totalMs += to - from) - (to - from));
    this.totalMs = totalMs;
    this.blocks = Array.from({ length: BLOCKS }, () => ({ successes: 0, failed: 0, undecided: 0 }));
    this.counts = new Uint32Array(BLOCKS * operationCount * BUCKETS);
    this.unknown = new Uint32Array(BLOCKS * operationCount);
    this.totalsUs = new Float64Array(BLOCKS * operationCount);
  }

  add({ startMs, image, success, isFailed }: Row, latencyMs: number): void {
    const number = this.blockOf(startMs);
    if (number === null) return;
    const block = this.blocks[number]!;
    if (success) block.successes += 1;
    else if (isFailed) block.failed += 1;
    else block.undecided += 1;
    const cell = number * this.operationCount + image;
    if (latencyMs === Infinity) return void (this.unknown[cell]! += 1);
    const us = Math.round(latencyMs * 1000);
    this.totalsUs[cell]! += us;
    this.counts[cell * BUCKETS + bucketOf(us)]! += 1;
  }

  /** @param order the indices of the operations */
  told(order: readonly number[]): Block[] {
    return this.blocks.map(({ successes, failed, undecided }, number) => ({
      secs: this.totalMs / 1000 / BLOCKS,
      successes,
      failed,
      undecided,
      operations: order.map((operation): BlockOperation => {
        const cell = number * this.operationCount + operation;
        return {
          latency_total_us: this.totalsUs[cell]!,
          unknown: this.unknown[cell]!,
          histogram: sparse(this.counts.subarray(cell * BUCKETS, (cell + 1) * BUCKETS)),
        };
      }),
    }));
  }

  /** Returns null outside the intervals. */
  private blockOf(timeMs: number): number | null {
    const at = countUpTo(this.froms, timeMs) - 1;
    // The end of the run belongs to it: the last request may be due then.
    if (at < 0 || timeMs > this.intervals[at]!.to) return null;
    const sinceMs = this.beforeMs[at]! + timeMs - this.froms[at]!;
    return this.totalMs > 0 ? Math.min(BLOCKS - 1, Math.floor((sinceMs / this.totalMs) * BLOCKS)) : 0;
  }
}
