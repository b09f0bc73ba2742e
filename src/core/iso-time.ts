/** 2025-10-31T10:00:00.123Z, and nothing of times that no calendar has. */
export function isoTime(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
