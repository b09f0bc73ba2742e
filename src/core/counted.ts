/** Formats a number of things in English. */

/** Returns `1 request`, `2 requests`. */
export function counted(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
