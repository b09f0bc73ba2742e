/** A timeout for another process that does not expire merely because this one stood still. */
import type { Clock } from '../environment';
import { PAUSED_MS, READ_FIRST_MS } from './pause-watch';
import { systemClock } from './system-clock';

/**
 * Calls `act` after `ms`. If this process was paused when it was due, what has arrived meanwhile is read first: it is
 * due again a little later.
 * @returns a function that cancels it
 */
export function fairTimeout(
  ms: number,
  act: () => void,
  clock: Pick<Clock, 'monotonicMs' | 'after'> = systemClock,
): () => void {
  const dueMs = clock.monotonicMs() + ms;
  let cancel = clock.after(ms, () => {
    if (clock.monotonicMs() - dueMs <= PAUSED_MS) return act();
    cancel = clock.after(Math.min(ms, READ_FIRST_MS), act);
  });
  return () => cancel();
}
