/**
 * Figures of a run in progress, for the conditions that end it: of the requests that ended, and of those that have not,
 * which count with their present age where that is worse (docs/decisions/0029).
 */
import { leastCountFor, placeOf } from '../../core/metrics/digest';
import type { Population } from '../../core/metrics/population';

/** With fewer requests, a p99 is just the slowest. */
export const ENOUGH = 100;

/** A request that has not ended counts where that makes a figure worse; the oldest count until there are ENOUGH. */
export class PresentFigures {
  private readonly endedCount: number;
  /** Longest first. */
  private readonly agesMs: Float64Array;
  private ascending: ((place: number) => number) | undefined;

  /**
   * @param ended the requests that ended
   * @param agesMs of all others: in flight, or waiting for a client
   * @param longestMs the longest that a success can take: what is older will fail
   */
  constructor(
    private readonly ended: Population,
    agesMs: Iterable<number>,
    private readonly longestMs: number,
  ) {
    this.endedCount = ended.totalCount;
    this.agesMs = Float64Array.from(agesMs).sort().reverse();
  }

  /** The number of requests that were due. */
  get dueCount(): number {
    return this.endedCount + this.agesMs.length;
  }

  /** 0 if all requests ended. */
  get oldestMs(): number {
    return this.agesMs[0] ?? 0;
  }

  /** Percent. Not ended is not failed: in a healthy load, too, some requests are in flight. */
  get failedPercent(): number {
    const { failedCount, undecidedCount } = this.ended;
    const overdue = this.overdueCount;
    return (100 * (failedCount + undecidedCount + overdue)) / Math.max(ENOUGH, this.endedCount + overdue);
  }

  /** The number of successes; while fewer than ENOUGH requests ended, the others may yet be some. */
  get successCount(): number {
    const overdue = this.overdueCount;
    const lacking = Math.max(0, ENOUGH - this.endedCount - overdue);
    return this.ended.successCount + Math.min(lacking, this.agesMs.length - overdue);
  }

  get minMs(): number {
    const count = this.leastAges(ENOUGH);
    return Math.min(this.ended.latencies.minMs, count === 0 ? Infinity : this.agesMs[count - 1]!);
  }

  get maxMs(): number {
    return Math.max(this.ended.latencies.maxMs, this.oldestMs);
  }

  get averageMs(): number {
    const least = this.leastAges(ENOUGH);
    let sumMs = this.ended.latencies.sumMs;
    let count = this.endedCount;
    for (const [index, ageMs] of this.agesMs.entries()) {
      if (index >= least && ageMs * count <= sumMs) break;
      sumMs += ageMs;
      count += 1;
    }
    return sumMs / count;
  }

  /** Returns the quantile `q` (0 to 1) in ms by Hazen's definition; null with too few values for it. */
  quantileMs(q: number): number | null {
    const { endedCount, agesMs } = this;
    let worstMs: number | null = null;
    // The worst quantile is that of the ended ones with some number of the oldest others.
    const least = this.leastAges(Math.max(ENOUGH, leastCountFor(q)));
    for (let ages = this.agesAbove(q, least); ages <= agesMs.length; ages++) {
      const place = placeOf(q, endedCount + ages);
      const below = Math.floor(place);
      const lowMs = this.valueAt(below, ages);
      const highMs = this.valueAt(Math.ceil(place), ages);
      worstMs = Math.max(worstMs ?? 0, lowMs + (highMs - lowMs) * (place - below));
      // Younger ones would only lower it.
      if (ages < agesMs.length && agesMs[ages]! <= lowMs) break;
    }
    return worstMs;
  }

  /** Maps a place in ascending order to the latency of a request that ended; sorted when first needed. */
  private get endedAt(): (place: number) => number {
    return (this.ascending ??= this.ended.latencies.ascending());
  }

  /** The number of requests that are so old that they can only fail. */
  private get overdueCount(): number {
    const index = this.agesMs.findIndex((ageMs) => ageMs <= this.longestMs);
    return index < 0 ? this.agesMs.length : index;
  }

  /** Returns with how many ages, at least `least`, all are above the quantile: until then it grows with each. */
  private agesAbove(q: number, least: number): number {
    let from = least;
    let to = this.agesMs.length;
    while (from < to) {
      const middle = (from + to + 1) >> 1;
      const place = Math.ceil(placeOf(q, this.endedCount + middle));
      if (place < this.endedCount && this.endedAt(place) <= this.agesMs[middle - 1]!) from = middle;
      else to = middle - 1;
    }
    return from;
  }

  /** Returns how many of those that have not ended count in any case. */
  private leastAges(enough: number): number {
    return Math.max(0, enough - this.endedCount);
  }

  /** Returns the value at a place, from 0, in ascending order of those that ended and the `count` oldest others. */
  private valueAt(place: number, count: number): number {
    const { endedCount, agesMs } = this;
    const endedMs = this.endedAt;
    // Mostly all of these others are above it.
    if (count === 0 || (place < endedCount && endedMs(place) <= agesMs[count - 1]!)) return endedMs(place);
    const ageMs = (index: number): number => agesMs[count - 1 - index]!;
    // Finds how many of the `place` values below are ages.
    let from = Math.max(0, place - endedCount);
    let to = Math.min(count, place);
    while (from < to) {
      const middle = (from + to) >> 1;
      if (ageMs(middle) < endedMs(place - middle - 1)) from = middle + 1;
      else to = middle;
    }
    const nextAgeMs = from < count ? ageMs(from) : Infinity;
    return place - from < endedCount ? Math.min(nextAgeMs, endedMs(place - from)) : nextAgeMs;
  }
}
