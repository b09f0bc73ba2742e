/** Converts seconds to milliseconds, rounded to a microsecond, so that 1.1 s is 1100 ms and not 1100.0000000000002. */
export function toMs(secs: number): number {
  return Math.round(secs * 1e6) / 1e3;
}
