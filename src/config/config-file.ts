/** A configuration file as tables of settings: its schema comes from them. */
import * as v from 'valibot';
import { section, table } from './tables';
import { defaultsOf, loadConfig } from './load';
import type { Problem } from './problem';
import type { Flat, Settings, ValuesOf } from './settings';

/** A list of tables: `[[servers]]`. */
export interface Rows<S extends Settings = Settings> {
  rows: S;
}

/** The tables of a file by name. */
export type Tables = Readonly<Record<string, Settings | Rows>>;

/** The values of a file, by table. */
export type FileValues<T extends Tables> = Flat<
  { [K in keyof T as T[K] extends Settings ? K : never]: T[K] extends Settings ? ValuesOf<T[K]> : never } & {
    [K in keyof T as T[K] extends Rows ? K : never]?: T[K] extends Rows<infer S> ? ValuesOf<S>[] : never;
  }
>;

export interface ConfigFile<V = unknown> {
  /** Read if no file is named, and it exists. */
  path: string;
  /** Completes "The configuration of …". */
  purpose: string;
  tables: Tables;
  schema: v.GenericSchema<unknown, V>;
  /** Checks relations between values that are valid by themselves. */
  check(values: V): Problem[];
}

/** Adds the schema of the tables, and their conflicts to `check`. */
export function configFile<T extends Tables>(
  options: { path: string; purpose: string; tables: T },
  check: (values: FileValues<T>) => Problem[] = () => [],
): ConfigFile<FileValues<T>> {
  const { tables } = options;
  return {
    ...options,
    schema: schemaOf(tables),
    check: (values) => [...conflictsIn(tables, values), ...check(values)],
  };
}

/** Reads the named file, which must exist, or the default one if it exists. @throws ClusterError `bad_config` */
export function readConfig<V>(file: ConfigFile<V>, named: string | undefined): { path: string; values: V } {
  const path = named ?? file.path;
  const values = loadConfig(file.schema, path, { required: named !== undefined, check: (read) => file.check(read) });
  return { path, values: values ?? defaultsOf(file.schema) };
}

function schemaOf<T extends Tables>(tables: T): v.GenericSchema<unknown, FileValues<T>>;
function schemaOf(tables: Tables): v.GenericSchema {
  const schemas = Object.entries(tables).map(([name, each]) => [
    name,
    isRows(each) ? v.optional(v.array(table(entriesOf(each.rows)), `a list of [[${name}]]`)) : section(entriesOf(each)),
  ]);
  return table(Object.fromEntries(schemas));
}

/** True for a list of tables. No table has a key of that name. */
export function isRows(each: Settings | Rows): each is Rows {
  return 'rows' in each;
}

/** Returns the schema of each key. */
function entriesOf(settings: Settings): v.ObjectEntries {
  const entries = Object.entries(settings).map(([key, { type, required, default: value }]) => [
    key,
    required ? type.schema : v.optional(type.schema, value),
  ]);
  return Object.fromEntries(entries);
}

function conflictsIn(tables: Tables, values: object): Problem[] {
  const found = new Map(Object.entries(values));
  return Object.entries(tables).flatMap(([name, settings]) => {
    const table: unknown = found.get(name);
    const set = typeof table === 'object' && table !== null ? new Map(Object.entries(table)) : new Map();
    const key = (each: string): string => `${name}.${each}`;
    return isRows(settings) ? [] : conflicts(settings, (each) => set.get(each) !== undefined, key);
  });
}

/** Returns the conflicts between settings that are set. */
export function conflicts(
  settings: Settings,
  isSet: (key: string) => boolean,
  nameOf: (key: string) => string,
): Problem[] {
  return Object.entries(settings).flatMap(([key, { conflicts: others = [] }]) => {
    const other = isSet(key) ? others.find(isSet) : undefined;
    return other === undefined ? [] : [{ key: nameOf(key), text: `cannot be combined with ${nameOf(other)}` }];
  });
}
