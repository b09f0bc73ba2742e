/** The order of leaderships, by which servers that hear of several all follow the same one. */
import type { LeadershipFields } from '../protocol';

/** The leader of a term; `leaderId` is null while none is known. */
export interface Leadership {
  term: number;
  leaderId: number | null;
}

/**
 * Returns true if `a` is greater: by term, then by lower leader id. Two leaders of one term are possible (there is no
 * quorum); with this order every server that hears of both chooses the same one. No leader is less than any leader of
 * its term.
 */
export function isGreater(a: Leadership, b: Leadership): boolean {
  // mutation: no term
  if (a.term !== b.term) return a.term > b.term;
  if (a.leaderId === null) return false;
  return b.leaderId === null || a.leaderId < b.leaderId;
}

export function isSame(a: Leadership, b: Leadership): boolean {
  return a.term === b.term && a.leaderId === b.leaderId;
}

/** True if all servers follow the same leader in the same term; false for no servers. */
export function followOneLeader(statuses: readonly LeadershipFields[]): boolean {
  const [first, ...others] = statuses.map(leadershipOf);
  return first !== undefined && first.leaderId !== null && others.every((other) => isSame(first, other));
}

/** Returns the leadership that a server follows. */
export function leadershipOf({ term, leader_id: leaderId }: LeadershipFields): Leadership {
  return { term, leaderId };
}
