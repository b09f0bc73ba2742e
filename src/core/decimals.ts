/** The form of numbers for people. */

/** Formats a number with two decimals, as all figures for people: 8,234.56 */
export function decimals(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
