/** Finds unknown and missing keys of a configuration file, and suggests the key that was probably meant. */
import type * as v from 'valibot';
import { isTable } from './tables';
import { nearest } from './nearest';
import type { TomlTable } from './toml-values';
import type { Problem } from './problem';
import { showPath } from './show';

/** The parts of a valibot schema that the walk needs: tables have entries, lists an item, optional ones `wrapped`. */
interface SchemaNode {
  type: string;
  message?: unknown;
  wrapped?: SchemaNode;
  pipe?: SchemaNode[];
  entries?: Record<string, SchemaNode>;
  item?: SchemaNode;
}

/** The search for the intended key takes time, and further hints would not help. */
const MAX_HINTS = 50;

type Path = readonly (string | number)[];

/**
 * Returns unknown keys in the order of the file, missing ones in that of the schema. Valibot itself stops at the first
 * unknown key and takes `constructor` for a known one.
 */
export function structureProblems(schema: v.GenericSchema, value: TomlTable): Problem[] {
  const root = schema as unknown as SchemaNode;
  const known = tablePaths(root, []);
  return walk(root, value, [], known);
}

function walk(schema: SchemaNode, value: unknown, path: Path, known: readonly string[]): Problem[] {
  const { entries, item } = core(schema);
  if (entries !== undefined) return isTable(value) ? walkTable(entries, value, path, known) : [];
  if (item === undefined || !Array.isArray(value)) return [];
  return value.flatMap((element, index) => walk(item, element, [...path, index], known));
}

function walkTable(entries: Record<string, SchemaNode>, value: TomlTable, path: Path, known: readonly string[]) {
  const unknown = Object.keys(value)
    .filter((key) => !Object.hasOwn(entries, key))
    .map((key, index) =>
      index < MAX_HINTS
        ? unknownKey(key, path, Object.keys(entries), known)
        : { key: showPath([...path, key]), text: 'unknown key' },
    );
  const inner = Object.entries(entries).flatMap(([key, schema]) => {
    const here = [...path, key];
    if (Object.hasOwn(value, key)) return walk(schema, value[key], here, known);
    // A table that is left out can still lack required keys.
    if (schema.type === 'optional') return core(schema).entries === undefined ? [] : walk(schema, {}, here, known);
    return [{ key: showPath(here), text: `missing: expected ${String(core(schema).message)}` }];
  });
  return [...unknown, ...inner];
}

function unknownKey(key: string, path: Path, siblings: readonly string[], known: readonly string[]): Problem {
  const inTable = showPath(path);
  const near = nearest(key, siblings);
  const elsewhere = known.find((other) => other.endsWith(`.${key}`));
  const meant = near === undefined ? elsewhere : showPath([...path, near]);
  const where = inTable === '' ? 'at the top' : `in ${inTable}`;
  const hint = meant === undefined ? `; known ${where}: ${siblings.join(', ')}` : `, did you mean "${meant}"?`;
  return { key: showPath([...path, key]), text: `unknown key${hint}` };
}

/** Returns the full paths of all settings in tables (not in lists, whose elements have no path of their own). */
function tablePaths(schema: SchemaNode, path: Path): string[] {
  const { entries } = core(schema);
  if (entries === undefined) return [showPath(path)];
  return Object.entries(entries).flatMap(([key, inner]) => tablePaths(inner, [...path, key]));
}

/** Unwraps the schema of a value from its optional and its pipe; its message is the expectation. */
function core(schema: SchemaNode): SchemaNode {
  if (schema.wrapped !== undefined) return core(schema.wrapped);
  const objectInPipe = schema.pipe?.find((step) => step.entries !== undefined);
  return objectInPipe === undefined ? schema : { ...objectInPipe, message: schema.message };
}
