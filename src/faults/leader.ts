/** The leader of a cluster and its agreement, from the statuses that the servers report. */
import { followOneLeader, isGreater, type Leadership, leadershipOf } from '../core/election/leadership';
import type { StatusFields } from '../core/protocol';

/** Returns the leader that the servers report, of the greatest leadership that any of them knows; null if none. */
export function leaderOf(statuses: readonly (StatusFields | null)[]): number | null {
  let greatest: Leadership | null = null;
  for (const status of statuses) {
    if (status === null || status.leader_id === null) continue;
    const leadership = leadershipOf(status);
    if (greatest === null || isGreater(leadership, greatest)) greatest = leadership;
  }
  return greatest?.leaderId ?? null;
}

/** True if all of them answer, are ready for tasks, and follow the same leader in the same term. */
export function agree(statuses: readonly (StatusFields | null)[]): boolean {
  const ready = statuses.flatMap((status) => (status?.phase === 'ready' ? [status] : []));
  return ready.length === statuses.length && followOneLeader(ready);
}
