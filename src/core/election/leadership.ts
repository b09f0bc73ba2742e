/** The order of leaderships, by which servers that hear of several all follow the same one. */

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
