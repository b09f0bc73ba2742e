/** Names the loop that sends the requests of a load, and says what a closed one hides. */

/** Open: requests are due at a rate, whatever the servers do. Closed: each client waits for its last request first. */
export type Loop = 'open' | 'closed';

export const CLOSED_LOOP_HINT =
  'A closed loop hides stalls: while a client waits it sends nothing. For latency under load use --rate.';

/** Says when requests are due, from which latencies count; null: the loop is unknown. */
export function dueText(loop: Loop | null): string {
  if (loop === null) return 'when they were due';
  return loop === 'open' ? 'the intended start' : 'the end of the think time';
}

/** Returns the mean think time in ms. */
export function meanThinkMs({ minDelayMs, maxDelayMs }: { minDelayMs: number; maxDelayMs: number }): number {
  return (minDelayMs + maxDelayMs) / 2;
}
