/**
 * Settings in tables: a row says everything about one setting, and a file's schema, the flags, the help, the documents
 * and the JSON Schema for editors come from the rows.
 */
import type * as v from 'valibot';

/** The form of a flag: a value, a value each time it is repeated, or none. */
export type Input = 'one' | 'many' | 'switch';

/** A JSON Schema (draft 07), as far as it is used here. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A type of values: the check of a value, and its descriptions. */
export interface ValueType<T, I extends Input = Input> {
  /** The message of its issues is the expectation: "expected <message>, got <value>". */
  readonly schema: v.GenericSchema<unknown, T>;
  readonly input: I;
  /** Converts what was typed (one text, unless the flag is repeated) into a value of a file, which `schema` checks. */
  parse(texts: readonly string[]): unknown;
  /** Stands for the value in help texts: `SECS`. */
  readonly placeholder: string;
  /** Stands after a value: `s`. Empty without a unit. */
  readonly unit: string;
  /** The values, if there are only these. */
  readonly options?: readonly string[];
  /** The expectation for a typed value, if it is written in another way than in a file. */
  readonly flagShape?: string;
  /** A description for documents: "whole number, 1 to 100". */
  readonly shape: string;
  readonly json: JsonSchema;
}

interface SettingOptions<T> {
  /** The name of its flag, without dashes; without one, only a file can set it. */
  flag?: string;
  /** The value if neither the file nor the command line has one. */
  default?: T;
  /** A default that depends on other settings: the code applies it, the documents only show it. */
  fallback?: T;
  /** Describes a default that is not a constant: "a new one". */
  defaultText?: string;
  /** Set if the file must have it. */
  required?: true;
  /** A noun phrase or an imperative, without unit and default. */
  help: string;
  /** A remark, after the default in help texts. */
  note?: string;
  /** Replaces that of the type. */
  placeholder?: string;
  /** Repeatable without repeating its name; only for a command without arguments. */
  greedy?: true;
  /** Hidden from help texts: only for other programs. */
  hidden?: true;
  /** Keys of the table that must not be set beside it; on the command line it drops those of the file. */
  conflicts?: readonly string[];
  /** Keys of the file that it drops on the command line. */
  replaces?: readonly string[];
}

export type Setting<T = unknown, I extends Input = Input> = SettingOptions<T> & { type: ValueType<T, I> };

/** The rows of a table, by the keys of the file; a row without a file has a key of the same style. */
export type Settings = Readonly<Record<string, Setting>>;

/** Makes a row; its type preserves the name of the flag and the presence of a default. */
export function setting<T, I extends Input, const O extends SettingOptions<T>>(type: ValueType<T, I>, options: O) {
  return { type, ...options };
}

type ValueOf<R> = R extends { type: ValueType<infer T> } ? T : never;
type IsSet<R> = R extends { required: true } | { default: unknown } ? true : false;
/** Shows an intersection as one object. */
export type Flat<T> = { [K in keyof T]: T[K] };

/** The values of a table; those that may be missing are optional. */
export type ValuesOf<S extends Settings> = Flat<
  { -readonly [K in keyof S as IsSet<S[K]> extends true ? K : never]: ValueOf<S[K]> } & {
    -readonly [K in keyof S as IsSet<S[K]> extends true ? never : K]?: ValueOf<S[K]>;
  }
>;

/** The values of flags, as typed. */
export interface Typed {
  one: string;
  many: string[];
  switch: boolean;
}

/** The flags of a table, as typed; undefined if not typed. */
export type FlagsOf<S extends Settings> = {
  [K in keyof S as S[K] extends { flag: infer F extends string } ? F : never]?: Typed[S[K]['type']['input']];
};

/** Returns the default for people, with its unit; undefined if there is none. */
export function defaultTextOf({ type, default: constant, fallback, defaultText }: Setting): string | undefined {
  if (defaultText !== undefined) return defaultText;
  const value = constant ?? fallback;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  const text = Array.isArray(value) ? value.join(', ') : String(value);
  return type.unit === '' ? text : `${text} ${type.unit}`;
}
