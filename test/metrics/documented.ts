import { readFileSync } from 'node:fs';
import type { Family } from './exposition-text';

/** The metrics of ours that docs/metrics.md explains, with their labels, and those of a page, for one beginning. */
export function documentedAndShown(
  prefix: string,
  families: readonly Family[],
): [Map<string, string>, Map<string, string>] {
  const text = readFileSync('docs/metrics.md', 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)(?:\{[\w,]*\})?` +\| (\w+) +\|/gm)];
  const documented = rows.map(([, name, type]) => [name!, type!] as const);
  const shown = families.map(({ name, type }) => [name, type] as const);
  const only = (all: (readonly [string, string])[]): Map<string, string> =>
    new Map(all.filter(([name]) => name.startsWith(prefix)).sort());
  return [only(documented), only(shown)];
}
