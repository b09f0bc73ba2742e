/** Rounds milliseconds to the microsecond: further digits are noise that costs bytes in every line. */
export function toMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
