/** Measures for how long a server has left messages unanswered, so that a dead connection is replaced. */
import type { PauseWatch } from '../core/system/pause-watch';

/** A server that sent nothing for this long after a message that needs a response may be gone. Milliseconds. */
const SILENT_MS = 1000;

/**
 * Requests that were given up count, too: a hedge wins long before, and a link that one task after another tries would
 * never be found dead. But a server that cancels a task does not answer either: then a good connection is replaced.
 */
export class Silence {
  /** The time of the first unanswered message after the last read. */
  private sinceMs: number | null = null;

  constructor(private readonly pauses: Pick<PauseWatch, 'look' | 'resumedMs'>) {}

  /** A message that needs a response was sent, or waits for the connection. */
  asked(lastReadMs: number): void {
    if (this.sinceMs === null || lastReadMs > this.sinceMs) this.sinceMs = this.pauses.look();
  }

  /** The messages that have waited for the connection are sent. */
  connected(lastReadMs: number): void {
    if (this.sinceMs !== null) this.sinceMs = lastReadMs;
  }

  /**
   * Returns true if nothing arrived for so long that the connection may be dead, as when a firewall dropped its state.
   * While this process stood still, the server may have answered.
   */
  isLong(lastReadMs: number): boolean {
    if (this.sinceMs === null || lastReadMs > this.sinceMs) return false;
    const nowMs = this.pauses.look();
    return nowMs - Math.max(this.sinceMs, this.pauses.resumedMs) >= SILENT_MS;
  }
}
