const TOKENS_PER_REQUEST = 0.05;
const NO_HEDGE_AFTER_OVERLOAD_MS = 1000;
const MIN_DELAY_MS = 100;
/** Before the first answer about an image: a large one may rightly take longer than the minimum. */
const UNKNOWN_DELAY_MS = 500;
const P95_FACTOR = 3;
/** Enough for a p95 of recent requests, few enough to sort on the way. */
const RECENT_COUNT = 64;

/**
 * When a second server may get the same task, for all clients of one program. Pure. A task is late after
 * max(100 ms, 3 × the recent p95 of its image); tokens bound the extra load: one per client at the start,
 * a twentieth per finished request, never more than there are clients.
 */
export class Hedging {
  private tokens: number;
  private overloadedUntilMs = -Infinity;
  private readonly recent = new Map<string, { valuesMs: number[]; next: number; p95Ms: number }>();

  constructor(private readonly clients: number) {
    this.tokens = clients;
  }

  /** How long to wait for an answer about this image before the task is late. */
  delayMs(image: string): number {
    const recent = this.recent.get(image);
    return recent ? Math.max(MIN_DELAY_MS, P95_FACTOR * recent.p95Ms) : UNKNOWN_DELAY_MS;
  }

  /** Takes a token if hedging is allowed now. */
  tryTake(nowMs: number): boolean {
    if (this.tokens < 1 || nowMs < this.overloadedUntilMs) return false;
    this.tokens -= 1;
    return true;
  }

  overloaded(nowMs: number): void {
    this.overloadedUntilMs = nowMs + NO_HEDGE_AFTER_OVERLOAD_MS;
  }

  finished(image: string, latencyMs: number | null): void {
    this.tokens = Math.min(this.clients, this.tokens + TOKENS_PER_REQUEST);
    if (latencyMs === null) return;
    let recent = this.recent.get(image);
    if (!recent) this.recent.set(image, (recent = { valuesMs: [], next: 0, p95Ms: 0 }));
    recent.valuesMs[recent.next] = latencyMs;
    recent.next = (recent.next + 1) % RECENT_COUNT;
    // Every eighth request is often enough, and keeps the sort out of most of them.
    if (recent.next % 8 === 0 || recent.p95Ms === 0) recent.p95Ms = p95(recent.valuesMs);
  }
}

function p95(valuesMs: readonly number[]): number {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1]!;
}
