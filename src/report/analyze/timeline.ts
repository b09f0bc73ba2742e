/** Divides the run into windows of equal width, in one pass: requests, failures and latencies over time. */
import { roundedMs } from './latencies';
import type { ForEachRow, Row } from '../read/columns';
import { type Interval, type Timeline } from '../report';
import { HISTOGRAM_BASE } from '../report-blocks';
import { sum } from './sum';

/** Window widths; beyond the last one, the width doubles. */
const WIDTHS_MS = [250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
const MAX_WINDOWS = 600;
/** Windows below one second only for short runs: narrow windows hold few requests. */
const MAX_NARROW_WINDOWS = 240;
/** The average number of requests per window below which chance would dominate. */
const ENOUGH = 10;
/** The least number of windows for a short run. */
const FEW_WINDOWS = 30;
const BUCKETS_PER_E = 1 / Math.log(HISTOGRAM_BASE);
/** Latencies are whole microseconds in 32 bits. */
export const BUCKETS = bucketOf(2 ** 32) + 1;

/** Names by index; columns store the index plus 1. */
interface Named {
  servers: readonly number[];
  reasons: readonly string[];
}

interface Told extends Named {
  /** The approximate total. */
  requestCount: number;
  /** The longest that a success can take, with which failures count; Infinity if unknown. */
  longestMs?: number;
}

/**
 * Percentiles come from a histogram with buckets 1 % wide, by nearest rank, as the middle of the bucket: at most 0.5 %
 * off. null if there is no run.
 */
export function timelineOf(
  forEachRow: ForEachRow,
  run: Interval | null,
  { servers, reasons, requestCount, longestMs = Infinity }: Told,
): Timeline | null {
  if (run === null) return null;
  const windowMs = widthOf(run.to - run.from, requestCount);
  const count = Math.floor((run.to - run.from) / windowMs) + 1;
  const seen = new Windows(count, servers.length + 1, reasons.length + 1);
  const leastMs = longestMs === Infinity ? 0 : longestMs;
  let leftOut = 0;
  forEachRow((row) => {
    const at = Math.floor((row.endMs - run.from) / windowMs);
    if (at < 0 || at >= count) leftOut += 1;
    else seen.add(at, row, row.isFailed ? Math.max(row.latencyMs, leastMs) : row.latencyMs);
  });
  return {
    from: run.from,
    window_ms: windowMs,
    left_out: leftOut,
    ...seen.told(),
    by_server: servers
      .map((server_id, index) => ({ server_id, requests: seen.byServer(index + 1) }))
      .filter(hasAny)
      .sort((a, b) => a.server_id - b.server_id),
    by_reason: reasons
      .map((reason, index) => ({ reason, requests: seen.byReason(index + 1) }))
      .filter(hasAny)
      .sort((a, b) => sum(b.requests) - sum(a.requests) || (a.reason < b.reason ? -1 : 1)),
  };
}

/** Returns the bucket of a latency in microseconds; less than 1 counts as 1. */
export function bucketOf(us: number): number {
  return us <= 1 ? 0 : Math.floor(Math.log(us) * BUCKETS_PER_E);
}

/** Returns the upper end of a bucket in milliseconds: a latency must not look shorter. */
export function bucketMs(bucket: number): number {
  return HISTOGRAM_BASE ** (bucket + 1) / 1000;
}

function widthOf(spanMs: number, requestCount: number): number {
  const mostNarrow = Math.min(MAX_NARROW_WINDOWS, Math.max(FEW_WINDOWS, requestCount / ENOUGH));
  const fits = (widthMs: number): boolean => spanMs / widthMs < (widthMs < 1000 ? mostNarrow : MAX_WINDOWS);
  let widthMs = WIDTHS_MS.find(fits) ?? WIDTHS_MS.at(-1)!;
  while (!fits(widthMs)) widthMs *= 2;
  return widthMs;
}

/** The counters of all windows: dense arrays, so that a request costs a few additions and no allocation. */
class Windows {
  private readonly maxMs: Float64Array;
  private readonly latencies: Uint32Array;
  private readonly failed: number[];
  private readonly undecided: number[];
  private readonly servers: Uint32Array;
  private readonly reasons: Uint32Array;

  constructor(
    private readonly count: number,
    private readonly serverCount: number,
    private readonly reasonCount: number,
  ) {
    this.maxMs = new Float64Array(count);
    this.latencies = new Uint32Array(count * BUCKETS);
    this.failed = this.each(() => 0);
    this.undecided = this.each(() => 0);
    this.servers = new Uint32Array(count * serverCount);
    this.reasons = new Uint32Array(count * reasonCount);
  }

  add(at: number, { server, reason, success, isFailed }: Row, latencyMs: number): void {
    if (isFailed) this.failed[at]! += 1;
    this.latencies[at * BUCKETS + bucketOf(latencyMs * 1000)]! += 1;
    if (success || isFailed) this.servers[at * this.serverCount + server]! += 1;
    else this.undecided[at]! += 1;
    this.reasons[at * this.reasonCount + reason]! += 1;
    if (latencyMs > this.maxMs[at]!) this.maxMs[at] = latencyMs;
  }

  byServer(server: number): number[] {
    return this.each((at) => this.servers[at * this.serverCount + server]!);
  }

  byReason(reason: number): number[] {
    return this.each((at) => this.reasons[at * this.reasonCount + reason]!);
  }

  told() {
    const part = (at: number) => this.latencies.subarray(at * BUCKETS, (at + 1) * BUCKETS);
    const requests = this.each((at) => sum(part(at)));
    const quantile = (q: number) => this.each((at) => quantileMs(part(at), requests[at]!, q, this.maxMs[at]!));
    const max = this.each((at) => (requests[at] === 0 ? null : roundedMs(this.maxMs[at]!)));
    return {
      requests,
      failed: this.failed,
      undecided: this.undecided,
      max_ms: max,
      p50_ms: quantile(0.5),
      p95_ms: quantile(0.95),
      p99_ms: quantile(0.99),
    };
  }

  private each<T>(tell: (at: number) => T): T[] {
    return Array.from({ length: this.count }, (_, at) => tell(at));
  }
}

/** Returns bucket, count, bucket, count ... */
export function sparse(cells: Uint32Array): number[] {
  const pairs: number[] = [];
  cells.forEach((count, bucket) => count > 0 && pairs.push(bucket, count));
  return pairs;
}

/** Computes a quantile by nearest rank; null if there are no requests. */
function quantileMs(cells: Uint32Array, total: number, q: number, maxMs: number): number | null {
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(total * q));
  const bucket = cells.findIndex((count) => (left -= count) <= 0);
  return roundedMs(Math.min(maxMs, bucketMs(bucket)));
}

function hasAny({ requests }: { requests: readonly number[] }): boolean {
  return requests.some((count) => count > 0);
}
