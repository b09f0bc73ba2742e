export interface BalancerCandidate {
  id: number;
  workers: number;
  /** Tasks that it was given and has not ended. */
  outstanding: number;
  /** When it was last given one, as a sequence number; 0 for never. */
  lastAssigned: number;
}

/**
 * The server with the fewest outstanding tasks per worker; ties go to the one assigned to longest ago.
 * Load scores have no say: they are up to a heartbeat old, and choosing by them sends every task of that
 * interval to one server. Null when there is no candidate.
 */
export function pickServer(candidates: readonly BalancerCandidate[]): number | null {
  let best: BalancerCandidate | null = null;
  for (const candidate of candidates) if (best === null || isBetter(candidate, best)) best = candidate;
  return best?.id ?? null;
}

function isBetter(a: BalancerCandidate, b: BalancerCandidate): boolean {
  // a/wa < b/wb without a division, so that equal ratios are equal.
  const difference = a.outstanding * b.workers - b.outstanding * a.workers;
  return difference !== 0 ? difference < 0 : a.lastAssigned < b.lastAssigned;
}
