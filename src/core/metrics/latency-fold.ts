import { type Centroid, Digest, exactQuantile } from './digest';

/** What the latencies of many requests come to; null where there are none. Milliseconds. */
export interface LatencyFigures {
  min_ms: number | null;
  avg_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  max_ms: number | null;
}

/** So many values are kept as they are; beyond, a digest holds them all. */
export const EXACT_COUNT = 100_000;

/** Folds latencies, one at a time, in bounded memory. */
export class LatencyFold {
  #count = 0;
  #minMs = Infinity;
  #maxMs = -Infinity;
  #sumMs = 0;
  #valuesMs: number[] = [];
  #digest: Digest | undefined;

  /** How many went in. */
  get count(): number {
    return this.#count;
  }

  /** @throws ClusterError `internal` for what is no finite number, sooner or later */
  add(valueMs: number): void {
    this.#count += 1;
    this.#sumMs += valueMs;
    this.#minMs = Math.min(this.#minMs, valueMs);
    this.#maxMs = Math.max(this.#maxMs, valueMs);
    if (this.#digest) return this.#digest.add(valueMs);
    this.#valuesMs.push(valueMs);
    if (this.#valuesMs.length <= EXACT_COUNT) return;
    this.#digest = digestOf(this.#valuesMs);
    this.#valuesMs = [];
  }

  /** Answers for the values so far: the one below which the share `q` (0 to 1) of them lies. */
  quantiles(): (q: number) => number | null {
    const digest = this.#digest;
    if (digest) return (q) => digest.quantile(q);
    const values = Float64Array.from(this.#valuesMs).sort();
    return (q) => exactQuantile(values, q);
  }

  figures(): LatencyFigures {
    const quantile = this.quantiles();
    const orNull = (value: number): number | null => (this.#count === 0 ? null : value);
    return {
      min_ms: orNull(this.#minMs),
      avg_ms: orNull(this.#sumMs / this.#count),
      p50_ms: quantile(0.5),
      p95_ms: quantile(0.95),
      p99_ms: quantile(0.99),
      max_ms: orNull(this.#maxMs),
    };
  }

  /** Ready to be merged with those of others. */
  centroids(): Centroid[] {
    return (this.#digest ?? digestOf(this.#valuesMs)).toCentroids();
  }
}

function digestOf(valuesMs: readonly number[]): Digest {
  const digest = new Digest();
  for (const valueMs of valuesMs) digest.add(valueMs);
  return digest;
}
