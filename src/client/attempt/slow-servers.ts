/**
 * Tracks servers that are late repeatedly, silent or wrong: a circuit breaker for each, shared by all clients of one
 * program, so that not every client has to learn it. Pure.
 */

/** Late tasks in a row that count: a single one may be bad luck. */
const LATE_IN_A_ROW = 2;
const AVOID_MIN_MS = 1000;
const AVOID_MAX_MS = 8000;
/** Time for a probe to get a response; then another one is allowed. */
const PROBE_MS = 1000;

interface Breaker {
  lateInARow: number;
  /** 0: closed, the server is used like any other. */
  avoidMs: number;
  untilMs: number;
  isProbing: boolean;
}

/**
 * A server that is late twice in a row, silent, or sends a wrong carrier is avoided for 1 s; then one task tries it.
 * Right and in time: it is used like any other. If not, it is avoided for twice as long, up to 8 s.
 */
export class SlowServers {
  private readonly breakers = new Map<string, Breaker>();
  private readonly heardAtMs = new Map<string, number>();
  private readonly pingedAtMs = new Map<string, number>();

  /** It sent something to some client of this program, or takes what one sends. */
  heard(address: string, nowMs: number): void {
    this.heardAtMs.set(address, nowMs);
  }

  /** Returns when it last gave a sign of life; -Infinity if it never did. */
  heardMs(address: string): number {
    return this.heardAtMs.get(address) ?? -Infinity;
  }

  /** Returns true if it has given no sign of life and was not pinged for this long; then it counts as pinged now. */
  takePing(address: string, nowMs: number, quietMs: number): boolean {
    if (Math.max(this.heardMs(address), this.pingedAtMs.get(address) ?? -Infinity) > nowMs - quietMs) return false;
    this.pingedAtMs.set(address, nowMs);
    return true;
  }

  isAvoided(address: string, nowMs: number): boolean {
    const breaker = this.breakers.get(address);
    // mutation: a slow server is not avoided
    return breaker !== undefined && breaker.avoidMs > 0 && nowMs < breaker.untilMs;
  }

  /** A task was sent to it. If it was avoided until now, that is the probe, and others keep away meanwhile. */
  sent(address: string, nowMs: number): void {
    const breaker = this.breakers.get(address);
    if (breaker === undefined || breaker.avoidMs === 0 || nowMs < breaker.untilMs) return;
    breaker.isProbing = true;
    breaker.untilMs = nowMs + PROBE_MS;
  }

  /** A task there has become late. */
  late(address: string, nowMs: number): void {
    const breaker = this.breaker(address);
    breaker.lateInARow += 1;
    if (breaker.lateInARow >= LATE_IN_A_ROW) this.avoid(breaker, nowMs);
  }

  /** It gives no sign of life while others do, or sent a wrong carrier: one task is enough to know. */
  failed(address: string, nowMs: number): void {
    this.avoid(this.breaker(address), nowMs);
  }

  /** It responded in time. */
  onTime(address: string): void {
    this.breakers.delete(address);
  }

  private breaker(address: string): Breaker {
    const breaker = this.breakers.get(address) ?? { lateInARow: 0, avoidMs: 0, untilMs: 0, isProbing: false };
    this.breakers.set(address, breaker);
    return breaker;
  }

  private avoid(breaker: Breaker, nowMs: number): void {
    // Tasks sent before it was avoided say nothing new.
    if (breaker.avoidMs > 0 && nowMs < breaker.untilMs && !breaker.isProbing) return;
    breaker.avoidMs = Math.min(AVOID_MAX_MS, Math.max(AVOID_MIN_MS, 2 * breaker.avoidMs));
    breaker.untilMs = nowMs + breaker.avoidMs;
    breaker.isProbing = false;
  }
}
