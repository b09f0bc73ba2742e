/** Formats a number of things in English. */

/** Returns `1 request`, `2 requests`. */
export function counted(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** Returns `server 1`, `servers 1, 3`. */
export function serversText(ids: readonly number[]): string {
  return `server${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;
}
