export interface BalancerCandidate {
  id: number;
  workers: number;
  /** Tasks that it was given and has not ended. */
  outstanding: number;
  /** Tasks that it was given lately: a count that fades (see `fade`). */
  recent: number;
  /** When it was last given one, as a sequence number; 0 for never. */
  lastAssigned: number;
}

/** How fast assignments are forgotten: long enough to even out a bias, short enough for a server that came back. */
const FADE_MS = 2000;

/**
 * Of the servers with the fewest outstanding tasks per worker, the one given the fewest lately; ties go to the one
 * assigned to longest ago. "Fewest outstanding" allows less than one task per worker above the minimum: the leader knows
 * its own ends a moment sooner than those of its peers and would always seem the least busy to itself, and what was given
 * lately evens out whatever bias is left (docs/decisions: balancing). Load scores have no say: they are up to a heartbeat
 * old, and choosing by them sends every task of that interval to one server. Null when there is no candidate.
 */
export function pickServer(candidates: readonly BalancerCandidate[]): number | null {
  const fewest = Math.min(...candidates.map(perWorker));
  let best: BalancerCandidate | null = null;
  for (const candidate of candidates) {
    if (perWorker(candidate) - fewest >= 1) continue;
    if (best === null || isDue(candidate, best)) best = candidate;
  }
  return best?.id ?? null;
}

/** What is left of a count after some time: it halves every 1.4 s. */
export function fade(count: number, elapsedMs: number): number {
  return count * Math.exp(-elapsedMs / FADE_MS);
}

function isDue(a: BalancerCandidate, b: BalancerCandidate): boolean {
  const difference = a.recent / a.workers - b.recent / b.workers;
  // Counts of equal servers differ by what faded since the last round: less than a task is no difference.
  return Math.abs(difference) >= 1 / a.workers ? difference < 0 : a.lastAssigned < b.lastAssigned;
}

function perWorker({ outstanding, workers }: BalancerCandidate): number {
  return outstanding / workers;
}
