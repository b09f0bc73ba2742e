/** Makes a row of a comparison: a figure of both runs and its change. */
import type { Row, Unit } from './comparison';

/** Computes the change in percent of A, or in percentage points for percentages; null if unknown. */
export function rowOf(name: string, unit: Unit, valueA: number | null | undefined, valueB: typeof valueA): Row {
  const [a, b] = [valueA ?? null, valueB ?? null];
  return { name, unit, a, b, change: a === null || b === null ? null : changeOf(unit, a, b) };
}

function changeOf(unit: Unit, a: number, b: number): number | null {
  if (unit === '%') return b - a;
  if (a === b) return 0;
  return a > 0 ? (b / a - 1) * 100 : null;
}
