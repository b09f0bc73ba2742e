/** Counts and latencies of a part of all requests that were due (docs/report-figures.md). */
import type { Row } from '../read/columns';
import { Latencies } from './latencies';
import type { Share } from '../report';

export class RequestGroup {
  /** The latencies of the successes. */
  readonly successes = new Latencies();
  /** Those of failures, at least the longest that a success can take, and the ages of undecided requests. */
  readonly others = new Latencies();
  failed = 0;
  undecided = 0;

  /** @param longestMs the longest that a success can take; Infinity if unknown */
  constructor(private readonly longestMs: number) {}

  add({ success, isFailed, latencyMs }: Pick<Row, 'success' | 'isFailed' | 'latencyMs'>): void {
    if (success) return this.successes.add(latencyMs);
    if (isFailed) return this.addFailed(1, latencyMs);
    this.undecided += 1;
    this.others.add(latencyMs);
  }

  /** Adds failures of at least this latency; Infinity if it is unknown. */
  addFailed(count: number, latencyMs = 0): void {
    this.failed += count;
    this.others.add(Math.max(latencyMs, this.longestMs), count);
  }

  merge(other: RequestGroup): void {
    this.successes.merge(other.successes);
    this.others.merge(other.others);
    this.failed += other.failed;
    this.undecided += other.undecided;
  }

  get decided(): number {
    return this.successes.count + this.failed;
  }

  get total(): number {
    return this.decided + this.undecided;
  }

  /** The latencies of all of them. */
  all(): Latencies {
    const all = new Latencies();
    all.merge(this.successes);
    all.merge(this.others);
    return all;
  }

  /**
   * Percentiles are those of all requests, and of so many others whose latencies are unknown. With any such, how many of
   * these failed is unknown.
   */
  share(unplaced = 0): Share {
    const all = this.all();
    all.add(Infinity, unplaced);
    const { median_ms: p50_ms, p95_ms, p99_ms, max_ms } = all.stats();
    const counts = { requests: this.total, failed: unplaced > 0 ? null : this.failed, undecided: this.undecided };
    return { ...counts, p50_ms, p95_ms, p99_ms, p99_9_ms: all.quantileMs(0.999), max_ms };
  }
}

/** Merges all groups into one. */
export function merged(groups: Iterable<RequestGroup>, longestMs: number): RequestGroup {
  const whole = new RequestGroup(longestMs);
  for (const group of groups) whole.merge(group);
  return whole;
}
