/** Chooses the server to which the leader assigns the next task. */

export interface BalancerCandidate {
  id: number;
  workers: number;
  /** Tasks assigned to it that have not ended. */
  outstanding: number;
  /** Tasks assigned to it recently: a decaying count (see `fade`). */
  recent: number;
  /** Sequence number of the last assignment; 0 for never. */
  lastAssigned: number;
}

/** Decay time of assignments: long enough to even out a bias, short enough for a server that came back. */
const FADE_MS = 2000;

/**
 * Returns the server with the fewest recent assignments among those with the fewest outstanding tasks per worker;
 * ties go to the least recently used. "Fewest outstanding" allows less than one task per worker above the minimum: the
 * leader learns of its own completions a moment sooner than of its peers' and would always seem least busy to itself,
 * and recent assignments even out any remaining bias (docs/decisions/0004). Load scores are ignored: they are up
 * to a heartbeat old, and choosing by them sends every task of that interval to one server. Returns null if there is no
 * candidate.
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

/** Returns a count decayed over some time: it halves every 1.4 s. */
export function fade(count: number, elapsedMs: number): number {
  return count * Math.exp(-elapsedMs / FADE_MS);
}

function isDue(a: BalancerCandidate, b: BalancerCandidate): boolean {
  const difference = a.recent / a.workers - b.recent / b.workers;
  // Counts of equal servers differ by the decay since the last round: less than one task is no difference.
  // mutation: ties go to the first server
  return Math.abs(difference) >= 1 / a.workers ? difference < 0 : a.lastAssigned < b.lastAssigned;
}

function perWorker({ outstanding, workers }: BalancerCandidate): number {
  return outstanding / workers;
}
