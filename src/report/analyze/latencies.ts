/** Collects latencies of successful requests, and the number of failed ones. */
import { exactQuantile } from '../../core/metrics/digest';
import type { ClientFile } from '../read/client-file';
import { Histogram } from './histogram';
import type { LatencyStats, Share } from '../report';
import { toMicros } from '../../core/to-micros';

/** Up to this many latencies are kept exactly; beyond it, a histogram counts all of them. */
const EXACT_COUNT = 10_000;

/**
 * Percentiles are exact up to 10,000 values and at most 0.05 % off beyond. The result does not depend on the order of
 * insertion or merging.
 */
export class Latencies {
  failed = 0;
  successful = 0;
  private minMs = Infinity;
  private maxMs = -Infinity;
  /** A whole number, so that the order of addition does not matter. */
  private sumUs = 0;
  private valuesUs: number[] = [];
  /** null while all values are in `valuesUs`. */
  private histogram: Histogram | null = null;
  private sorted: Float64Array | null = null;

  add(latencyMs: number): void {
    const us = toUs(latencyMs);
    this.span(1, latencyMs, latencyMs, us);
    this.keep(us, 1);
  }

  /** Adds a client that has only its own file. */
  addClient({ successful, failed, minMs, maxMs, avgMs, centroids }: ClientFile): void {
    this.failed += failed;
    if (successful > 0) this.span(successful, minMs!, maxMs!, toUs(avgMs! * successful));
    for (const [meanMs, count] of centroids ?? []) this.keep(toUs(meanMs), count);
  }

  merge(other: Latencies): void {
    this.failed += other.failed;
    if (other.successful > 0) this.span(other.successful, other.minMs, other.maxMs, other.sumUs);
    for (const us of other.valuesUs) this.keep(us, 1);
    if (other.histogram) this.spill().merge(other.histogram);
  }

  /** Returns null if there is no success with a known latency. */
  quantileMs(q: number): number | null {
    const us = this.histogram ? quantileOf(this.histogram, q) : exactQuantile(this.sortedUs(), q);
    // The middle of the first or last bucket may lie outside the range of its values.
    return us === null ? null : roundedMs(Math.min(this.maxMs, Math.max(this.minMs, us / 1000)));
  }

  stats(): LatencyStats {
    const known = this.successful > 0;
    return {
      min_ms: known ? roundedMs(this.minMs) : null,
      max_ms: known ? roundedMs(this.maxMs) : null,
      avg_ms: known ? roundedMs(this.sumUs / this.successful / 1000) : null,
      median_ms: this.quantileMs(0.5),
      p95_ms: this.quantileMs(0.95),
      p99_ms: this.quantileMs(0.99),
    };
  }

  share(): Share {
    const { median_ms: p50_ms, p95_ms, p99_ms, max_ms } = this.stats();
    const requests = this.successful + this.failed;
    return { requests, failed: this.failed, p50_ms, p95_ms, p99_ms, p99_9_ms: this.quantileMs(0.999), max_ms };
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
    this.successful += count;
    this.minMs = Math.min(this.minMs, minMs);
    this.maxMs = Math.max(this.maxMs, maxMs);
    this.sumUs += sumUs;
  }
}

/** Interpolates like `exactQuantile`, linearly between the two nearest ranks. */
function quantileOf(histogram: Histogram, q: number): number {
  const last = histogram.count - 1;
  const rank = Math.min(last, Math.max(0, q * histogram.count - 0.5));
  const below = Math.floor(rank);
  const low = histogram.at(below)!;
  return low + (histogram.at(Math.min(last, below + 1))! - low) * (rank - below);
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
