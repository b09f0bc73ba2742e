/** Decides when a second server may get the same task, for all clients of one program. Pure. */
import { SlowServers } from './slow-servers';

const TOKENS_PER_REQUEST = 0.05;
const NO_HEDGE_AFTER_OVERLOAD_MS = 1000;
const MIN_DELAY_MS = 100;
/** Before the first response for an image: a large one may legitimately take longer than the minimum. */
const UNKNOWN_DELAY_MS = 500;
const P95_FACTOR = 3;
/** Enough for a p95 of recent requests, few enough to sort in passing. */
const RECENT_COUNT = 64;
/** Samples of a server that are enough to judge it. */
const ENOUGH_COUNT = 8;

/** Secrets from this size on are sent to a server that no leader named only by so many requests at once. */
const LARGE_BYTES = 1024 * 1024;
const MOST_UNASKED = 12;

interface Recent {
  valuesMs: number[];
  next: number;
  p95Ms: number;
}

/**
 * A task is late after max(100 ms, 3 × the recent p95 of its image at the fastest server): another server would have
 * responded by then, and a slow one does not set the baseline. Tokens bound the extra load: one per client at the
 * start, a twentieth per finished request, never more than there are clients.
 */
export class Hedging {
  /** Servers that are late repeatedly. */
  readonly slow = new SlowServers();
  private tokens: number;
  private overloadedUntilMs = -Infinity;
  private unasked = 0;
  /** Recent latencies by image, then by server. */
  private readonly recent = new Map<string, Map<string, Recent>>();

  constructor(private readonly clients: number) {
    this.tokens = clients;
  }

  /** Returns how long to wait for a response for this image before the task is late. */
  delayMs(image: string): number {
    const recent = this.recent.get(image);
    return recent ? Math.max(MIN_DELAY_MS, P95_FACTOR * fastestP95Ms([...recent.values()])) : UNKNOWN_DELAY_MS;
  }

  /** Takes a token if hedging is allowed now. */
  tryTake(nowMs: number): boolean {
    // mutation: no hedging; hedges need no token
    if (this.tokens < 1 || this.isOverloaded(nowMs)) return false;
    this.tokens -= 1;
    return true;
  }

  /** Returns true if a server has just said that it, or all of them, had enough to do. */
  isOverloaded(nowMs: number): boolean {
    return nowMs < this.overloadedUntilMs;
  }

  overloaded(nowMs: number): void {
    this.overloadedUntilMs = nowMs + NO_HEDGE_AFTER_OVERLOAD_MS;
  }

  /** Returns true if a task may be sent to a server that no leader has named. */
  mayGoUnasked(secretBytes: number): boolean {
    return secretBytes < LARGE_BYTES || this.unasked < MOST_UNASKED;
  }

  /** Returns true if this takes a place, to be given back by `unaskedEnded`. */
  goUnasked(secretBytes: number): boolean {
    if (secretBytes < LARGE_BYTES) return false;
    this.unasked += 1;
    return true;
  }

  unaskedEnded(): void {
    this.unasked -= 1;
  }

  /** A request ended: `success` has its server and latency, or is null. */
  finished(image: string, success: { address: string; latencyMs: number } | null): void {
    this.tokens = Math.min(this.clients, this.tokens + TOKENS_PER_REQUEST);
    if (success === null) return;
    const { address, latencyMs } = success;
    let servers = this.recent.get(image);
    if (!servers) this.recent.set(image, (servers = new Map<string, Recent>()));
    let recent = servers.get(address);
    if (!recent) servers.set(address, (recent = { valuesMs: [], next: 0, p95Ms: 0 }));
    recent.valuesMs[recent.next] = latencyMs;
    recent.next = (recent.next + 1) % RECENT_COUNT;
    // Every eighth request is often enough, and keeps the sort out of most of them.
    if (recent.next % 8 === 0 || recent.p95Ms === 0) recent.p95Ms = p95(recent.valuesMs);
  }
}

/** Returns the p95 of the fastest server with enough samples; without one that of the slowest, to be careful. */
function fastestP95Ms(servers: readonly Recent[]): number {
  const known = servers.filter(({ valuesMs }) => valuesMs.length >= ENOUGH_COUNT).map(({ p95Ms }) => p95Ms);
  return known.length > 0 ? Math.min(...known) : Math.max(...servers.map(({ p95Ms }) => p95Ms));
}

function p95(valuesMs: readonly number[]): number {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1]!;
}
