/** The current figures of a run for its progress display. Interrupted and unsent requests do not count. */
import type { Clock } from '../core/environment';
import { exactQuantile } from '../core/metrics/digest';
import { isUndecided } from '../core/metrics/population';
import type { RequestRecord } from '../core/metrics/record';
import { printable } from '../core/printable';

/** The approximate period of the rate, and the sample size of the p95. */
const RATE_SPAN_MS = 5000;
/** Calls that are meant to be 5 s apart may come a little earlier. */
const LEAST_SPAN_MS = 0.9 * RATE_SPAN_MS;
const RECENT_COUNT = 1000;
/** The latencies above show a request that hangs only when it has ended; its age tells before. */
const USUAL_AGE_MS = 1000;

/** Returns `oldest request 3.2 s`, or nothing while the oldest request in flight or waiting is not older than usual. */
export function oldestText(ageMs: number): string[] {
  return ageMs > USUAL_AGE_MS ? [`oldest request ${(ageMs / 1000).toFixed(1)} s`] : [];
}

export class Meter {
  doneCount = 0;
  failedCount = 0;
  /** The reason of the last failed request, safe for a terminal; empty while none has failed. */
  lastReason = '';
  private readonly recentMs: number[] = [];
  private readonly marks: { atMs: number; done: number }[];

  /** @param longestMs the longest that a success can take: a failure counts as at least that long */
  constructor(
    private readonly clock: Clock,
    private readonly longestMs: number,
  ) {
    this.marks = [{ atMs: clock.monotonicMs(), done: 0 }];
  }

  add(record: RequestRecord): void {
    if (isUndecided(record)) return;
    const { success, latency_ms, failure_reason } = record;
    this.recentMs[this.doneCount % RECENT_COUNT] = success ? latency_ms : Math.max(latency_ms, this.longestMs);
    if (!success) {
      this.failedCount += 1;
      this.lastReason = printable(failure_reason ?? '');
    }
    this.doneCount += 1;
  }

  /** Returns requests per second since the mark of about five seconds ago; each call sets a mark. */
  perSecond(): number {
    const nowMs = this.clock.monotonicMs();
    this.marks.push({ atMs: nowMs, done: this.doneCount });
    while (this.marks.length > 2 && nowMs - this.marks[1]!.atMs >= LEAST_SPAN_MS) this.marks.shift();
    const { atMs, done } = this.marks[0]!;
    return nowMs === atMs ? 0 : ((this.doneCount - done) * 1000) / (nowMs - atMs);
  }

  /** Returns the p95 of the latest requests, null before the first. */
  p95Ms(): number | null {
    return exactQuantile(Float64Array.from(this.recentMs).sort(), 0.95);
  }
}
