import { readFileSync } from 'node:fs';
import type { Family } from './exposition-text';

/** The metrics with one prefix that docs/metrics.md lists, and those of a page, by name: type and help text. */
export function documentedAndShown(
  prefix: string,
  families: readonly Family[],
): [Map<string, string>, Map<string, string>] {
  const text = readFileSync('docs/metrics.md', 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)(?:\{[\w,]*\})?` +\| (\w+) +\| (.*?) +\|$/gm)];
  const documented = rows.map(([, name, type, help]) => [name!, `${type}: ${help}`] as const);
  const shown = families.map(({ name, type, help }) => [name, `${type}: ${help}`] as const);
  const only = (all: (readonly [string, string])[]): Map<string, string> =>
    new Map(all.filter(([name]) => name.startsWith(prefix)).sort());
  return [only(documented), only(shown)];
}
