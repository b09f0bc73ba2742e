export interface BalancerCandidate {
  id: number;
  workers: number;
  /** Tasks that it was given and has not ended. */
  outstanding: number;
  /** When it was last given one, as a sequence number; 0 for never. */
  lastAssigned: number;
}

/**
 * Of the servers with the fewest outstanding tasks per worker, the one assigned to longest ago. "Fewest" allows less than
 * one task per worker above the minimum: such a server has a free worker as well, and the leader knows its own ends a
 * moment sooner than those of its peers, so that to the task it would always be the least busy itself
 * (docs/decisions: balancing). Load scores have no say: they are up to a heartbeat old, and choosing by them sends every
 * task of that interval to one server. Null when there is no candidate.
 */
export function pickServer(candidates: readonly BalancerCandidate[]): number | null {
  const fewest = Math.min(...candidates.map(perWorker));
  let best: BalancerCandidate | null = null;
  for (const candidate of candidates) {
    if (perWorker(candidate) - fewest >= 1) continue;
    if (best === null || candidate.lastAssigned < best.lastAssigned) best = candidate;
  }
  return best?.id ?? null;
}

function perWorker({ outstanding, workers }: BalancerCandidate): number {
  return outstanding / workers;
}
