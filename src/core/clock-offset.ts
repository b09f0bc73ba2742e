/** The offset of another machine's clock: its estimate from round trips, and when it is worth a warning. */

/** The offset of another machine's clock ahead of this one's, ± the uncertainty, in milliseconds. */
export interface ClockOffset {
  offsetMs: number;
  uncertaintyMs: number;
}

/** Beyond it, the event times of two machines cannot be compared as they are. */
const MAX_OFFSET_MS = 500;

/** Returns the offset by one round trip: the other clock was read halfway through, ± half the round trip. */
export function offsetBy(thereMs: number, askedMs: number, tripMs: number): ClockOffset {
  const halfMs = tripMs / 2;
  return { offsetMs: thereMs - (askedMs + halfMs), uncertaintyMs: halfMs };
}

/** Returns the more exact of two estimates, which is that of the shorter round trip. */
export function closer(best: ClockOffset | null, next: ClockOffset): ClockOffset {
  return best === null || next.uncertaintyMs < best.uncertaintyMs ? next : best;
}

/** True if the clocks certainly differ by more than people should ignore. */
export function isFarOff({ offsetMs, uncertaintyMs }: ClockOffset): boolean {
  return Math.abs(offsetMs) - uncertaintyMs > MAX_OFFSET_MS;
}
