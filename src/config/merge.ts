/** The one way from a setting to its effect: the command line overrides the file, and errors name the source. */
import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import { conflicts } from './config-file';
import { badSettings, type Problem } from './problem';
import type { FlagsOf, Setting, Settings, ValuesOf } from './settings';
import { MAX_PATH_CHARS } from './show';

/** Reads the flags of a table, under the keys of the table. */
function typedIn<S extends Settings>(settings: S, flags: FlagsOf<S>, problems: Problem[]): Partial<ValuesOf<S>>;
function typedIn(settings: Settings, flags: Readonly<Record<string, unknown>>, problems: Problem[]): object {
  const values = Object.entries(settings).flatMap(([key, setting]) => {
    const typed = setting.flag === undefined ? undefined : flags[setting.flag];
    return typed === undefined ? [] : [[key, read(setting, typed, problems)] as const];
  });
  const found = new Map(values);
  problems.push(...conflicts(settings, (key) => found.has(key), flagNamesOf(settings)));
  return Object.fromEntries(found);
}

/**
 * Reads flags that no file has: the values are those typed, else the defaults.
 * @throws ClusterError `bad_usage`, one line per problem, naming the flag
 */
export function flagValues<S extends Settings>(settings: S, flags: FlagsOf<S>): ValuesOf<S>;
export function flagValues(settings: Settings, flags: Readonly<Record<string, unknown>>): object {
  const problems: Problem[] = [];
  const defaults = Object.entries(settings).map(([key, row]) => [key, row.default] as const);
  const typed = typedIn(settings, flags, problems);
  if (problems.length > 0) throw badSettings(problems);
  return { ...Object.fromEntries(defaults), ...typed };
}

function read({ type, flag }: Setting, typed: unknown, problems: Problem[]): unknown {
  const texts = typeof typed === 'boolean' ? [] : [typed].flat().map(String);
  const result = v.safeParse(type.schema, typeof typed === 'boolean' ? typed : type.parse(texts));
  if (result.success) return result.output;
  // An element of a list has its index as path.
  const lines = result.issues.map(({ message, path }) => {
    const wrong = texts[Number(path?.[0]?.key)] ?? texts.join(', ');
    return `expected ${type.flagShape ?? message}, got "${printable(wrong)}"`;
  });
  problems.push(...[...new Set(lines)].map((text) => ({ key: `--${flag}`, text })));
  return undefined;
}

function flagNamesOf(settings: Settings): (key: string) => string {
  return (key) => `--${settings[key]?.flag ?? key}`;
}

/** The values of a table, and the source of each. */
export interface Merged<V> {
  values: V;
  isTyped(key: keyof V): boolean;
  /** The flag, or the key with its table (and with the file, if `isLong`). */
  nameOf(key: keyof V, isLong?: boolean): string;
  /** Returns the error for a value that does not fit the others. */
  error(key: keyof V, text: string): ClusterError;
}

/** The place of a table, for errors. */
export interface Place {
  /** Undefined without a file. */
  file: string | undefined;
  table: string;
}

/**
 * Overrides the values of a table of a file by those of its flags. Problems are added to `problems`.
 * @throws ClusterError `bad_usage`, one line per problem, naming the flag, unless the caller has a list for `problems`
 */
export function merge<S extends Settings>(
  settings: S,
  inFile: ValuesOf<S>,
  flags: FlagsOf<S>,
  { file, table }: Place,
  problems?: Problem[],
): Merged<ValuesOf<S>> {
  const found: Problem[] = [];
  const typed = typedIn(settings, flags, found);
  if (problems === undefined && found.length > 0) throw badSettings(found);
  problems?.push(...found);
  const dropped = Object.keys(typed).flatMap((key) => droppedBy(settings, key));
  const isTyped = (key: keyof ValuesOf<S>): boolean => typed[key] !== undefined;
  const nameOf = (key: keyof ValuesOf<S>, isLong = false): string => {
    if (isTyped(key)) return `--${settings[key]?.flag}`;
    const name = `${table}.${String(key)}`;
    if (file === undefined) return `the default of ${name}`;
    return isLong ? `${printable(file, MAX_PATH_CHARS)}: ${name}` : name;
  };
  const without = Object.fromEntries(dropped.map((key) => [key, undefined]));
  return {
    values: { ...inFile, ...without, ...typed },
    isTyped,
    nameOf,
    error: (key, text) => new ClusterError(isTyped(key) ? 'bad_usage' : 'bad_config', `${nameOf(key, true)}: ${text}`),
  };
}

/** Returns the keys of the file that do not apply beside a flag. */
function droppedBy(settings: Settings, typed: string): string[] {
  const { conflicts: others = [], replaces = [] } = settings[typed] ?? {};
  const mutual = Object.keys(settings).filter((key) => settings[key]?.conflicts?.includes(typed));
  return [...others, ...mutual, ...replaces];
}
