/** Collects latencies, of which a few may be unknown but no shorter than any other. */
import { exactQuantile, leastCountFor } from '../../core/metrics/digest';
import type { ClientFile } from '../read/client-file';
import { Histogram } from './histogram';
import type { LatencyStats } from '../report';
import { toMicros } from '../../core/to-micros';

/** Up to this many latencies are kept exactly; beyond it, a histogram counts all of them. */
const EXACT_COUNT = 10_000;

/**
 * Percentiles are exact up to 10,000 values and at most 0.1 % too long beyond. The result does not depend on the order of
 * insertion or merging.
 */
export class Latencies {
  /** The number of known values. */
  private known = 0;
  /** The number of values that are unknown, but no less than any known one. */
  private unknown = 0;
  private minMs = Infinity;
  private maxMs = -Infinity;
  /** A whole number, so that the order of addition does not matter. */
  private sumUs = 0;
  private valuesUs: number[] = [];
  /** null while all values are in `valuesUs`. */
  private histogram: Histogram | null = null;
  private sorted: Float64Array | null = null;

  get count(): number {
    return this.known + this.unknown;
  }

  /** Infinity: unknown, but no less than any other. */
  add(latencyMs: number, times = 1): void {
    if (times === 0) return;
    if (latencyMs === Infinity) return void (this.unknown += times);
    const us = toUs(latencyMs);
    this.span(times, latencyMs, latencyMs, us * times);
    this.keep(us, times);
  }

  /** Adds the successes of a client that has only its own file. */
  addClient({ successful, minMs, maxMs, avgMs, centroids }: ClientFile): void {
    if (successful > 0) this.span(successful, minMs!, maxMs!, toUs(avgMs! * successful));
    for (const [meanMs, count] of centroids ?? []) this.keep(toUs(meanMs), count);
  }

  merge(other: Latencies): void {
    this.unknown += other.unknown;
    if (other.known > 0) this.span(other.known, other.minMs, other.maxMs, other.sumUs);
    for (const us of other.valuesUs) this.keep(us, 1);
    if (other.histogram) this.spill().merge(other.histogram);
  }

  /** Returns null without values, with too few for this quantile, or if it is among the unknown ones. */
  quantileMs(q: number): number | null {
    const kept = this.histogram?.count ?? this.valuesUs.length;
    const count = kept + this.unknown;
    // The ranks that it lies between, as in `exactQuantile`.
    const highest = Math.min(count - 1, Math.ceil(Math.max(0, q * count - 0.5)));
    if (count < leastCountFor(q) || highest >= kept) return null;
    const us = this.histogram ? quantileOf(this.histogram, q, count) : exactQuantile(this.sortedUs(), q, count);
    // The middle of the first or last bucket may lie outside the range of its values.
    return us === null ? null : roundedMs(Math.min(this.maxMs, Math.max(this.minMs, us / 1000)));
  }

  stats(): LatencyStats {
    const isKnown = this.known > 0 && this.unknown === 0;
    return {
      min_ms: this.known > 0 ? roundedMs(this.minMs) : null,
      max_ms: isKnown ? roundedMs(this.maxMs) : null,
      avg_ms: isKnown ? roundedMs(this.sumUs / this.known / 1000) : null,
      median_ms: this.quantileMs(0.5),
      p95_ms: this.quantileMs(0.95),
      p99_ms: this.quantileMs(0.99),
    };
  }

  private keep(us: number, times: number): void {
    if (this.histogram) return this.histogram.add(us, times);
    if (this.valuesUs.length + times > EXACT_COUNT) return this.spill().add(us, times);
    for (let left = times; left > 0; left--) this.valuesUs.push(us);
    this.sorted = null;
  }

  /** Switches to the histogram and moves the values kept so far into it. */
  private spill(): Histogram {
    const histogram = (this.histogram ??= new Histogram());
    for (const us of this.valuesUs) histogram.add(us);
    this.valuesUs = [];
    this.sorted = null;
    return histogram;
  }

  private sortedUs(): Float64Array {
    return (this.sorted ??= Float64Array.from(this.valuesUs).sort());
  }

  private span(count: number, minMs: number, maxMs: number, sumUs: number): void {
    this.known += count;
    this.minMs = Math.min(this.minMs, minMs);
    this.maxMs = Math.max(this.maxMs, maxMs);
    this.sumUs += sumUs;
  }
}

/** Interpolates like `exactQuantile`, linearly between the two nearest ranks of `count` values. */
function quantileOf(histogram: Histogram, q: number, count: number): number {
  const rank = Math.min(count - 1, Math.max(0, q * count - 0.5));
  const below = Math.floor(rank);
  const low = histogram.at(below)!;
  return low + (histogram.at(Math.ceil(rank))! - low) * (rank - below);
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}

/** Rounds to the microsecond, the precision of records: further digits are noise. */
export function roundedMs(ms: number): number;
export function roundedMs(ms: number | null): number | null;
export function roundedMs(ms: number | null): number | null {
  return ms === null ? null : toMicros(ms);
}
