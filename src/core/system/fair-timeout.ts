/** A timeout for another process that does not expire merely because this one stood still. */
import { PAUSED_MS, READ_FIRST_MS } from './pause-watch';

/**
 * Calls `act` after `ms`. If this process was paused when it was due, what has arrived meanwhile is read first: it is
 * due again a little later.
 * @returns a function that cancels it
 */
export function fairTimeout(ms: number, act: () => void): () => void {
  const dueMs = performance.now() + ms;
  let timer = setTimeout(() => {
    if (performance.now() - dueMs <= PAUSED_MS) return act();
    timer = setTimeout(act, Math.min(ms, READ_FIRST_MS));
  }, ms);
  return () => clearTimeout(timer);
}
