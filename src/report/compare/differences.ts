/** Lists the differences in settings that the reports of two runs show. */
import { printable } from '../../core/printable';
import type { Compared, Difference, Settings } from './comparison';

const MAX_DIFFERENCES = 50;
const MAX_DEPTH = 4;
const MAX_CHARS = 100;
/** Runs with the same settings differ by up to this much in duration. */
const SAME_DURATION = 0.1;
/** Destinations of files, and expectations: neither changes what is measured. */
const IGNORED = /(^|\.)(output_dir|metrics_output_dir|metrics_dir|thresholds|abort_on|machine_id|metrics_address)$/;

export function differencesOf(a: Compared, b: Compared): Difference[] {
  const [ofA, ofB] = [told(settingsOf(a, b)), told(settingsOf(b, a))];
  const both = [
    ...pairs(ofA, ofB),
    ...pairs(seen(a), seen(b)),
    ...(isSameDuration(a.duration_secs, b.duration_secs) ? [] : [durations(a, b)]),
  ];
  return both.slice(0, MAX_DIFFERENCES);
}

/** Returns true if a report records the settings of its run. */
export function hasSettings({ run, loads }: Compared): boolean {
  return run !== undefined || loads.length > 0;
}

/** Prefers `run`, which has all settings; if the other is a run of `stress` alone, only the loads can be compared. */
function settingsOf(one: Compared, other: Compared): readonly Settings[] {
  const isWhole = one.run !== undefined && (other.run !== undefined || other.loads.length === 0);
  return isWhole ? [one.run!] : one.loads;
}

/** Returns settings by name, with a prefix for each machine if there are several. */
function told(all: readonly Settings[]): Map<string, string> {
  const values = new Map<string, string>();
  all.forEach(({ version, node_version, host, cores, seed, config }, index) => {
    const prefix = all.length === 1 ? '' : `machine ${index + 1}: `;
    const metadata = { version, 'Node.js': node_version, host, cores, seed };
    for (const [name, value] of Object.entries(metadata)) values.set(`${prefix}${name}`, textOf(value));
    flatten(config, prefix, values, 1);
  });
  return values;
}

function flatten(table: object, prefix: string, values: Map<string, string>, depth: number): void {
  for (const [key, value] of Object.entries(table) as [string, unknown][]) {
    const name = `${prefix}${key}`;
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isTable && depth < MAX_DEPTH) flatten(value, `${name}.`, values, depth + 1);
    else if (value !== undefined && !IGNORED.test(name)) values.set(printable(name, MAX_CHARS), textOf(value));
  }
}

/** Derives settings from the requests and the faults. */
function seen({ images, server_distribution, faults, warmup_secs }: Compared): Map<string, string> {
  const kinds = new Map<string, number>();
  for (const { kind } of faults ?? []) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const counted = [...kinds].map(([kind, count]) => `${count} × ${kind}`).join(', ');
  const names = images.map(({ image }) => image).sort();
  return new Map(
    Object.entries({
      images: names.length === 0 ? 'unknown' : textOf(names.join(', ')),
      'servers that answered': textOf(Object.keys(server_distribution).join(', ') || 'none'),
      faults: faults === null ? 'unknown' : counted || 'none',
      'warm-up': `${warmup_secs} s`,
    }),
  );
}

function pairs(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Difference[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  // If one run records nothing, a note says so instead of fifty lines.
  if (a.size === 0 || b.size === 0) return [];
  return [...names].flatMap((what) => {
    const [inA = null, inB = null] = [a.get(what), b.get(what)];
    return inA === inB ? [] : [{ what, a: shown(inA), b: shown(inB) }];
  });
}

function isSameDuration(a: number, b: number): boolean {
  return Math.abs(a - b) <= SAME_DURATION * Math.max(a, b);
}

function durations(a: Compared, b: Compared): Difference {
  return { what: 'duration', a: `${a.duration_secs.toFixed(1)} s`, b: `${b.duration_secs.toFixed(1)} s` };
}

/** Returns the whole text, so that long values differ even where the difference is not shown. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    return '(nested too deeply)';
  }
}

function shown(text: string | null): string | null {
  return text === null ? null : printable(text, MAX_CHARS);
}
