/** Bounds the terms that a server accepts, so that a forged one cannot end all further elections. */

/**
 * The greatest plausible value of a term grows with time. Every election takes the next number, so a server that
 * accepts a number without a successor can hold no more elections, nor can any server that hears of it: one forged
 * message would end a cluster for good, across restarts. A fixed limit does not help, because the limit itself is such
 * a number. So the limit grows with time, faster than elections can use it up:
 *
 * a term heard at unix time t (in milliseconds) is plausible up to 2^32 + t
 *
 * - Elections stay far below it whatever the clocks say: 2^32 of them are 136 years of one every second.
 * - Forging the greatest plausible term, again and again, moves the term to the limit and no further. The limit
 * advances by 1,000 a second, and an election takes one number and at least one round trip: a second later there is
 * room for a thousand of them. In 2026 the limit is 2^40.7.
 * - It reaches 2^48, which the parser refuses in any context, in the year 10889. Up to there every sum is exact (2^53),
 * with 32 times the room.
 * - Clocks of two servers need not agree: before such an attack there is nothing to compare, and after it a server
 * whose clock is behind by d ms refuses the forged term for at most d ms longer.
 */
const FREE_TERMS = 2 ** 32;

/** No message may ever hold a greater term. */
export const MAX_TERM = 2 ** 48;

/** Returns true if a cluster can have reached this term by elections; an implausible term must not be followed. */
export function isPlausibleTerm(term: number, unixMs: number): boolean {
  return term <= Math.min(MAX_TERM, FREE_TERMS + unixMs);
}
