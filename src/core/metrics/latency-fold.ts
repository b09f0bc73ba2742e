/** Aggregates latencies one at a time in bounded memory: exactly while they are few, then by a digest. */
import { type Centroid, Digest, exactQuantile, leastCountFor } from './digest';

/** Aggregated latencies of many requests; null if there are none. Milliseconds. */
export interface LatencyFigures {
  min_ms: number | null;
  avg_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  max_ms: number | null;
}

/** The most values kept exactly; beyond it, a digest holds all of them. */
export const EXACT_COUNT = 100_000;

export class LatencyFold {
  /** Infinity without values, as `maxMs` is -Infinity. */
  minMs = Infinity;
  maxMs = -Infinity;
  sumMs = 0;
  private sampleCount = 0;
  private valuesMs: number[] = [];
  private digest: Digest | undefined;

  /** Number of values added. */
  get count(): number {
    return this.sampleCount;
  }

  /** @throws ClusterError `internal` if the value is not a finite number, possibly in a later call */
  add(valueMs: number): void {
    this.sampleCount += 1;
    this.sumMs += valueMs;
    this.minMs = Math.min(this.minMs, valueMs);
    this.maxMs = Math.max(this.maxMs, valueMs);
    if (this.digest) return this.digest.add(valueMs);
    this.valuesMs.push(valueMs);
    if (this.valuesMs.length <= EXACT_COUNT) return;
    this.digest = digestOf(this.valuesMs);
    this.valuesMs = [];
  }

  /**
   * Returns a function of the values so far that maps `q` to the value below which the share `q` (0 to 1) of them lies;
   * null with too few values for it.
   */
  quantiles(): (q: number) => number | null {
    const digest = this.digest;
    const values = Float64Array.from(this.valuesMs).sort();
    const has = (q: number): boolean => this.sampleCount >= leastCountFor(q);
    return (q) => (!has(q) ? null : digest ? digest.quantile(q) : exactQuantile(values, q));
  }

  /** Returns a function of the values so far that maps a place in ascending order, from 0, to the value there. */
  ascending(): (place: number) => number {
    const { digest, sampleCount } = this;
    if (digest) return (place) => digest.quantile((place + 0.5) / sampleCount)!;
    const values = Float64Array.from(this.valuesMs).sort();
    return (place) => values[place]!;
  }

  figures(): LatencyFigures {
    const quantile = this.quantiles();
    const orNull = (value: number): number | null => (this.sampleCount === 0 ? null : value);
    return {
      min_ms: orNull(this.minMs),
      avg_ms: orNull(this.sumMs / this.sampleCount),
      p50_ms: quantile(0.5),
      p95_ms: quantile(0.95),
      p99_ms: quantile(0.99),
      max_ms: orNull(this.maxMs),
    };
  }

  /** Returns the centroids, to be merged with those of others. */
  centroids(): Centroid[] {
    return (this.digest ?? digestOf(this.valuesMs)).toCentroids();
  }
}

function digestOf(valuesMs: readonly number[]): Digest {
  const digest = new Digest();
  for (const valueMs of valuesMs) digest.add(valueMs);
  return digest;
}
