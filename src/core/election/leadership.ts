/** Who leads in which term; `leaderId` is null while nobody is known to lead it. */
export interface Leadership {
  term: number;
  leaderId: number | null;
}

/**
 * The order of leaderships: by term, then by lower leader id. Two leaders of one term are possible (there is no quorum);
 * this order makes every server that hears of both choose the same one. No leader is less than any leader of its term.
 */
export function isGreater(a: Leadership, b: Leadership): boolean {
  if (a.term !== b.term) return a.term > b.term;
  if (a.leaderId === null) return false;
  return b.leaderId === null || a.leaderId < b.leaderId;
}

export function isSame(a: Leadership, b: Leadership): boolean {
  return a.term === b.term && a.leaderId === b.leaderId;
}
