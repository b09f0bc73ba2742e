/** Returns a Unix time as `2025-10-31T10:00:00.123Z`, or '' if it is outside the range of `Date`. */
export function isoTime(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
