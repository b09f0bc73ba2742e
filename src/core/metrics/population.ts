/** Counts and latencies of all requests that were due, whatever became of them (docs/report-figures.md). */
import { LatencyFold } from './latency-fold';
import type { RequestRecord } from './record';

type Told = Pick<RequestRecord, 'success' | 'outcome' | 'latency_ms'>;

/** In flight, or waiting for a client, at the end of the run. */
export function isUndecided({ outcome }: Pick<RequestRecord, 'outcome'>): boolean {
  return outcome === 'interrupted' || outcome === 'unsent';
}

/**
 * Returns the longest that a success can take, in the unit of the timeout: while no client is free, a request at a rate
 * waits for as long as it may then take itself, the longest for which it would be of use.
 */
export function longestSuccess(timeout: number, isAtRate: boolean): number {
  return isAtRate ? 2 * timeout : timeout;
}

export class Population {
  successCount = 0;
  failedCount = 0;
  undecidedCount = 0;
  /**
   * A success counts with its latency, a failure with the longest that a success can take, or its own latency if that
   * is longer, an undecided request with its age: so their number does not depend on outcomes.
   */
  readonly latencies = new LatencyFold();

  /** @param longestMs the longest that a success can take: the longest wait for a client and the request timeout */
  constructor(private readonly longestMs: number) {}

  add(record: Told): void {
    const { success, latency_ms: latencyMs } = record;
    const isFailed = !success && !isUndecided(record);
    if (success) this.successCount += 1;
    else if (isFailed) this.failedCount += 1;
    else this.undecidedCount += 1;
    this.latencies.add(isFailed ? Math.max(latencyMs, this.longestMs) : latencyMs);
  }

  get totalCount(): number {
    return this.successCount + this.failedCount + this.undecidedCount;
  }

  /** Percent of all that were due, with undecided ones as failed; null if none was due. */
  get mostFailedPercent(): number | null {
    const total = this.totalCount;
    return total === 0 ? null : ((this.failedCount + this.undecidedCount) / total) * 100;
  }
}
