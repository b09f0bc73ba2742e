import { exactQuantile } from '../../core/metrics/digest';
import type { ClientFile } from '../read/client-file';
import { Histogram } from './histogram';
import type { LatencyStats, Share } from '../report';
import { toMicros } from '../../core/to-micros';

/** So many latencies are kept as they are; beyond, a histogram counts them all. */
const EXACT_COUNT = 10_000;

/**
 * Latencies of successful requests, beside the count of failed ones. Percentiles are exact up to 10,000 of them, and at
 * most 0.05 % off beyond. The order in which they come changes nothing, nor do the parts that they are merged from.
 */
export class Latencies {
  failed = 0;
  successful = 0;
  #minMs = Infinity;
  #maxMs = -Infinity;
  /** A whole number, so that the order of its summands changes nothing. */
  #sumUs = 0;
  #valuesUs: number[] = [];
  /** null: all are in `valuesUs`. */
  #histogram: Histogram | null = null;
  #sorted: Float64Array | null = null;

  add(latencyMs: number): void {
    const us = toUs(latencyMs);
    this.#span(1, latencyMs, latencyMs, us);
    this.#keep(us, 1);
  }

  /** A client of which only its own file is known. */
  addClient({ successful, failed, minMs, maxMs, avgMs, centroids }: ClientFile): void {
    this.failed += failed;
    if (successful > 0) this.#span(successful, minMs!, maxMs!, toUs(avgMs! * successful));
    for (const [meanMs, count] of centroids ?? []) this.#keep(toUs(meanMs), count);
  }

  merge(other: Latencies): void {
    this.failed += other.failed;
    if (other.successful > 0) this.#span(other.successful, other.#minMs, other.#maxMs, other.#sumUs);
    for (const us of other.#valuesUs) this.#keep(us, 1);
    if (other.#histogram) this.#spill().merge(other.#histogram);
  }

  /** null without a success whose latency is known. */
  quantileMs(q: number): number | null {
    const us = this.#histogram ? quantileOf(this.#histogram, q) : exactQuantile(this.#sortedUs(), q);
    // The middle of the first or last bucket may lie beyond what is in it.
    return us === null ? null : roundedMs(Math.min(this.#maxMs, Math.max(this.#minMs, us / 1000)));
  }

  stats(): LatencyStats {
    const known = this.successful > 0;
    return {
      min_ms: known ? roundedMs(this.#minMs) : null,
      max_ms: known ? roundedMs(this.#maxMs) : null,
      avg_ms: known ? roundedMs(this.#sumUs / this.successful / 1000) : null,
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

  #keep(us: number, times: number): void {
    if (this.#histogram) return this.#histogram.add(us, times);
    if (this.#valuesUs.length + times > EXACT_COUNT) return this.#spill().add(us, times);
    for (let left = times; left > 0; left--) this.#valuesUs.push(us);
    this.#sorted = null;
  }

  /** The histogram, with all that was kept until now. */
  #spill(): Histogram {
    const histogram = (this.#histogram ??= new Histogram());
    for (const us of this.#valuesUs) histogram.add(us);
    this.#valuesUs = [];
    this.#sorted = null;
    return histogram;
  }

  #sortedUs(): Float64Array {
    return (this.#sorted ??= Float64Array.from(this.#valuesUs).sort());
  }

  #span(count: number, minMs: number, maxMs: number, sumUs: number): void {
    this.successful += count;
    this.#minMs = Math.min(this.#minMs, minMs);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
    this.#sumUs += sumUs;
  }
}

/** As `exactQuantile`: linear between the two ranks beside it. */
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

/** To the microsecond, as records are: further digits are noise. */
export function roundedMs(ms: number): number;
export function roundedMs(ms: number | null): number | null;
export function roundedMs(ms: number | null): number | null {
  return ms === null ? null : toMicros(ms);
}
