import { Digest, exactQuantile } from '../core/metrics/digest';
import type { ClientFile } from './client-file';
import type { LatencyStats, Share } from './report';

/** So many latencies are kept as they are; beyond, a digest holds them all. */
const EXACT_COUNT = 10_000;

/** Latencies of successful requests, beside the count of failed ones. Percentiles are exact up to 10,000 of them. */
export class Latencies {
  failed = 0;
  successful = 0;
  #minMs = Infinity;
  #maxMs = -Infinity;
  #sumMs = 0;
  #valuesMs: number[] = [];
  #digest: Digest | null = null;

  add(latencyMs: number): void {
    this.#span(1, latencyMs, latencyMs, latencyMs);
    this.#keep(latencyMs);
  }

  /** A client of which only its own file is known. */
  addClient({ successful, failed, minMs, maxMs, avgMs, centroids }: ClientFile): void {
    this.failed += failed;
    if (successful > 0) this.#span(successful, minMs!, maxMs!, avgMs! * successful);
    if (centroids !== null) this.#spill().merge(centroids);
  }

  merge(other: Latencies): void {
    this.failed += other.failed;
    if (other.successful > 0) this.#span(other.successful, other.#minMs, other.#maxMs, other.#sumMs);
    for (const valueMs of other.#valuesMs) this.#keep(valueMs);
    if (other.#digest) this.#spill().merge(other.#digest.toCentroids());
  }

  /** null without a success whose latency is known. */
  quantileMs(q: number): number | null {
    return this.#quantiles()(q);
  }

  stats(): LatencyStats {
    const known = this.successful > 0;
    const quantileMs = this.#quantiles();
    return {
      min_ms: known ? roundedMs(this.#minMs) : null,
      max_ms: known ? roundedMs(this.#maxMs) : null,
      avg_ms: known ? roundedMs(this.#sumMs / this.successful) : null,
      median_ms: quantileMs(0.5),
      p95_ms: quantileMs(0.95),
      p99_ms: quantileMs(0.99),
    };
  }

  share(): Share {
    const { median_ms: p50_ms, p95_ms, p99_ms, max_ms } = this.stats();
    const requests = this.successful + this.failed;
    return { requests, failed: this.failed, p50_ms, p95_ms, p99_ms, p99_9_ms: this.quantileMs(0.999), max_ms };
  }

  #keep(latencyMs: number): void {
    if (this.#digest) return this.#digest.add(latencyMs);
    this.#valuesMs.push(latencyMs);
    if (this.#valuesMs.length > EXACT_COUNT) this.#spill();
  }

  /** The digest, with all that was kept until now. */
  #spill(): Digest {
    const digest = (this.#digest ??= new Digest());
    for (const valueMs of this.#valuesMs) digest.add(valueMs);
    this.#valuesMs = [];
    return digest;
  }

  #quantiles(): (q: number) => number | null {
    const digest = this.#digest;
    if (digest) return (q) => roundedMs(digest.quantile(q));
    const sorted = Float64Array.from(this.#valuesMs).sort();
    return (q) => roundedMs(exactQuantile(sorted, q));
  }

  #span(count: number, minMs: number, maxMs: number, sumMs: number): void {
    this.successful += count;
    this.#minMs = Math.min(this.#minMs, minMs);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
    this.#sumMs += sumMs;
  }
}

/** To the microsecond, as records are: further digits are noise. */
export function roundedMs(ms: number): number;
export function roundedMs(ms: number | null): number | null;
export function roundedMs(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000;
}
