/**
 * The clients that a leader has sent away because all servers had enough to do, in the order in which they were first
 * sent away. Each is told when to come again; whoever has waited longest is let in first. Pure.
 */

/** A client that is later than this after the time it was told holds up nobody, but keeps its place for a while. */
const GRACE_MS = 1000;
const FORGET_MS = 30_000;
/** Clients come again at least this often, so that they notice when there is room, but not more of them than this. */
const RETRY_MS = 1000;
const MAX_ASKS_PER_SECOND = 200;
const MIN_RETRY_MS = 50;
/** No more clients have connections. */
const MAX_CLIENTS = 16_384;

export class WaitingLine {
  /** By client: when it should come again. In the order of the line. */
  private readonly dueMs = new Map<string, number>();

  get size(): number {
    return this.dueMs.size;
  }

  /**
   * Returns null if the client is let in: fewer wait before it than there are free places. Otherwise returns the time
   * after which to come again, in milliseconds. `msPerTask`: how often a place becomes free.
   */
  ask(client: string, freePlaces: number, msPerTask: number, nowMs: number): number | null {
    const before = this.countBefore(client, nowMs);
    // mutation: newcomers starve others
    if (before < freePlaces) {
      this.dueMs.delete(client);
      return null;
    }
    // Early rather than late: a place that is free stays so until the first of the line comes.
    const turnMs = ((before + 1 - freePlaces) * msPerTask) / 2;
    const mostMs = Math.max(RETRY_MS, (this.dueMs.size * 1000) / MAX_ASKS_PER_SECOND);
    const retryMs = Math.ceil(Math.max(MIN_RETRY_MS, Math.min(turnMs, mostMs)));
    if (this.dueMs.has(client) || this.dueMs.size < MAX_CLIENTS) this.dueMs.set(client, nowMs + retryMs);
    return retryMs;
  }

  /** Leaves out those that are late, and forgets those that have given up. */
  private countBefore(client: string, nowMs: number): number {
    let count = 0;
    for (const [each, dueMs] of this.dueMs) {
      if (each === client) break;
      if (nowMs > dueMs + FORGET_MS) this.dueMs.delete(each);
      else if (nowMs <= dueMs + GRACE_MS) count += 1;
    }
    return count;
  }
}
