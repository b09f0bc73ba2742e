/** The leader of a cluster and its agreement, from the statuses that the servers report. */
import type { StatusFields } from '../core/protocol';

/** Returns the leader that the servers report, of the greatest leadership that any of them knows; null if none. */
export function leaderOf(statuses: readonly (StatusFields | null)[]): number | null {
  const heard = statuses.flatMap((status) => (status === null || status.leader_id === null ? [] : [status]));
  // By term, then the lower id: the order of leaderships.
  heard.sort((a, b) => b.term - a.term || a.leader_id! - b.leader_id!);
  return heard[0]?.leader_id ?? null;
}

/** True if all of them answer, are ready for tasks, and follow the same leader in the same term. */
export function agree(statuses: readonly (StatusFields | null)[]): boolean {
  const [first] = statuses;
  if (first === undefined || first === null || first.leader_id === null) return false;
  return statuses.every(
    (status) => status?.phase === 'ready' && status.term === first.term && status.leader_id === first.leader_id,
  );
}
