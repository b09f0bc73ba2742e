/** The events that a killed server may not have written, if it buffered them or its disk was full. */

/** Older servers wrote their events every 100 ms, or a little later when busy. */
const UNWRITTEN_MS = 150;
/** A very busy one wrote even later, as its file shows; but a file that ends earlier than this lacks more than a buffer. */
const MOST_UNWRITTEN_MS = 10_000;
/** An answer in flight when its server was killed is verified within this time. */
const UNDER_WAY_MS = 1000;

/**
 * Returns the time in which clients may have verified answers of a server that a kill kept from recording them. Servers
 * record an answer before it leaves (docs/decisions/0030), so this excuses, but is not expected.
 * @param writtenMs the last event that it wrote before the kill; Infinity if unknown
 */
export function unwrittenAround(killMs: number, writtenMs: number): { fromMs: number; toMs: number } {
  const fromMs = Math.max(killMs - MOST_UNWRITTEN_MS, Math.min(killMs - UNWRITTEN_MS, writtenMs));
  return { fromMs, toMs: killMs + UNDER_WAY_MS };
}
