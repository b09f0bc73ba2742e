/**
 * A term has a greatest plausible value. Every election takes the next number, so whoever hears a number without a next one can hold no
 * election any more, and neither can anybody who hears of it: one forged message would end a cluster for good, restarts
 * and all. A limit alone does not help, for then the limit itself is such a number. So the limit grows with the time,
 * faster than elections can use it up:
 *
 *     a term heard at unix time t (in milliseconds) is plausible up to 2^32 + t
 *
 * - Elections stay far below it whatever the clocks say: 2^32 of them are 136 years of one every second.
 * - Whoever forges the greatest plausible term, again and again, moves the term to the limit and no further. The limit
 *   moves on by 1,000 a second, and an election takes one number and at least the time of a message there and back: a
 *   second later there is room for a thousand of them. In 2026 the limit is 2^40.7.
 * - It reaches 2^48, which the parser refuses in whatever context, in the year 10889. Up to there every sum is exact
 *   (2^53), with 32 times the room.
 * - Clocks of two servers need not agree: until such an attack there is nothing to compare, and after it a server whose
 *   clock is behind by d ms refuses the forged term for at most d ms longer.
 */
const FREE_TERMS = 2 ** 32;

/** No message may hold a greater one, at any time. */
export const MAX_TERM = 2 ** 48;

/** Tells whether any cluster can have come so far by elections; what is not plausible must not be followed. */
export function isPlausibleTerm(term: number, unixMs: number): boolean {
  return term <= Math.min(MAX_TERM, FREE_TERMS + unixMs);
}
