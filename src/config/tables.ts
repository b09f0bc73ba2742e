/** Valibot schemas for the tables of a TOML file. */
import * as v from 'valibot';
import type { TomlTable } from './toml-values';

/** A table whose keys are all known. Every setting in it is required unless it is `v.optional`. */
export function table<E extends v.ObjectEntries>(entries: E) {
  return v.pipe(v.custom<v.InferInput<v.ObjectSchema<E, undefined>>>(isTable, 'a table'), v.object(entries));
}

/** A table that may be left out: its settings then have their defaults, and the required ones are missing. */
export function section<E extends v.ObjectEntries>(entries: E) {
  const wrapped = table(entries);
  return v.optional(wrapped, () => ({}) as v.InferInput<typeof wrapped>);
}

/** True for a table of a file or of a default; false for a list or a date. */
export function isTable(value: unknown): value is TomlTable {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
