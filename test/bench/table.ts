/** Prints one row: the median, and the spread of the runs. */
export function printRow(what: string, values: readonly number[], unit: string): void {
  const shown = [0, 0.5, 0.99, 1].map((q) => quantile(values, q).toFixed(1));
  console.log(
    `${what.padEnd(66)} median ${shown[1]} ${unit} (min ${shown[0]}, p99 ${shown[2]}, max ${shown[3]}, n ${values.length})`,
  );
}

/** The value at rank ⌈q·n⌉ (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? NaN;
}
