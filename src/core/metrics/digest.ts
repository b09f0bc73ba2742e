/**
 * Quantiles of any number of values in bounded memory (Dunning's t-digest, by the package `tdigest`). Relative rank
 * errors are smallest at the ends. The same values in the same order give the same digest everywhere.
 */
import { TDigest } from 'tdigest';
import type { Random } from '../environment';
import { ClusterError } from '../errors';
import { seededRandom } from '../random';

/** [mean in milliseconds, count], in ascending order of the mean. */
export type Centroid = readonly [meanMs: number, count: number];

/** The largest share of all values that one centroid may hold in the middle of the distribution. */
const DELTA = 0.001;
/** Sorted input is the tree's worst case, in time and in size: values are added in shuffled batches. */
const BATCH_COUNT = 4096;
/** Above this number, centroids are inserted into a new tree, in another order, which merges most of them. */
const MAX_CENTROIDS = 10 / DELTA;
/** tdigest's own compression calls Math.random and is quadratic; 0 disables it. */
const NO_OWN_COMPRESSION = 0;
/** 1 / (1 - 0.9999) is slightly more than 10,000. */
const ROUNDING = 1e-6;
const SEED = 0x7d1_9e57;

export class Digest {
  private tree = newTree();
  private sampleCount = 0;
  private readonly batch: { mean: number; n: number }[] = [];
  private readonly random: Random = seededRandom(SEED);

  /** Number of values added. */
  get count(): number {
    return this.sampleCount;
  }

  /** @throws ClusterError `internal` if the value is not a finite number */
  add(valueMs: number): void {
    this.take(valueMs, 1);
  }

  /** Adds the values of another digest. @throws ClusterError `internal` for invalid centroids */
  merge(centroids: readonly Centroid[]): void {
    for (const [meanMs, count] of centroids) this.take(meanMs, count);
  }

  /**
   * Returns the value below which the share `q` (0 to 1) of all values lies, interpolated; null without values. While
   * no two values share a centroid it equals `exactQuantile`.
   */
  quantile(q: number): number | null {
    this.flush();
    return this.tree.percentile(q) ?? null;
  }

  /** Returns the centroids for JSON; `merge` reads them. */
  toCentroids(): Centroid[] {
    this.flush();
    return this.tree.toArray().map(({ mean, n }) => [mean, n]);
  }

  private take(mean: number, n: number): void {
    if (!Number.isFinite(mean) || !Number.isSafeInteger(n) || n < 1) {
      throw new ClusterError('internal', `${n} × ${mean} cannot enter a digest`);
    }
    this.sampleCount += n;
    this.batch.push({ mean, n });
    if (this.batch.length >= BATCH_COUNT) this.flush();
  }

  private flush(): void {
    if (this.batch.length === 0) return;
    this.tree.push_centroid(shuffle(this.batch, this.random));
    this.batch.length = 0;
    if (this.tree.size() <= MAX_CENTROIDS) return;
    const centroids = this.tree.toArray();
    this.tree = newTree();
    this.tree.push_centroid(shuffle(centroids, this.random));
  }
}

/**
 * Returns the fewest values that have the quantile `q` (0 to 1), of those from p99 on one of 1 / (1 - q): a p99 of fewer
 * than 100 would be the largest.
 */
export function leastCountFor(q: number): number {
  return q < 0.99 || q >= 1 ? 1 : Math.ceil(1 / (1 - q) - ROUNDING);
}

/**
 * Returns a quantile of `count` values (default: all) sorted in ascending order, of which the first ones are given:
 * value i (from 0) is at (i + 1/2) / n, linear in between (Hazen's definition, as in the digest); null without values.
 */
export function exactQuantile(sorted: ArrayLike<number>, q: number, count = sorted.length): number | null {
  const last = sorted.length - 1;
  if (last < 0) return null;
  const at = placeOf(q, count, last);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(last, below + 1)] as number;
  return low + (high - low) * (at - below);
}

/** Returns the place (from 0, with a fraction) of a quantile among `count` values in ascending order, at most `last`. */
export function placeOf(q: number, count: number, last = count - 1): number {
  return Math.min(last, Math.max(0, q * count - 0.5));
}

function newTree(): TDigest {
  return new TDigest(DELTA, NO_OWN_COMPRESSION);
}

/** Shuffles in place (Fisher-Yates). */
function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
