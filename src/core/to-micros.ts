/** Milliseconds to the microsecond: more digits than that are noise, and bytes in every line. */
export function toMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
