import * as v from 'valibot';
import { ADDRESS_SHAPE, isDialAddress, isListenAddress } from '../core/address';
import type { TomlTable } from './toml-values';

/**
 * The types of settings. Each is one check with one expectation (the schema's message), so that an error can always
 * read "expected <expectation>, got <value>".
 */

/** Node's timers overflow above 24.8 days. */
export const MAX_SECS = 7 * 24 * 3600;
export const MIN_SECS = 0.001;

/** A table whose keys are all known. Every setting in it is required unless it is `v.optional`. */
export function table<E extends v.ObjectEntries>(entries: E) {
  return v.pipe(v.custom<v.InferInput<v.ObjectSchema<E, undefined>>>(isTable, 'a table'), v.object(entries));
}

/** A table that may be left out: its settings then have their defaults, and the required ones are missing. */
export function section<E extends v.ObjectEntries>(entries: E) {
  const wrapped = table(entries);
  return v.optional(wrapped, () => ({}) as v.InferInput<typeof wrapped>);
}

/** A list of values or tables of one kind; `what` describes it in messages. */
export function list<S extends v.GenericSchema>(item: S, what: string) {
  return v.array(item, what);
}

/** A whole number in a closed range. */
export function whole(min: number, max: number) {
  return v.custom<number>(
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `a whole number from ${min} to ${max}`,
  );
}

/** A duration in seconds, fractions allowed. A millisecond is the resolution of a timer. */
export function seconds(maxSecs = MAX_SECS) {
  return decimal(MIN_SECS, maxSecs, 'seconds');
}

/** A number, fractions allowed, in a closed range. */
export function decimal(min: number, max: number, unit = '') {
  const what = unit === '' ? 'a number' : `a number of ${unit}`;
  return v.custom<number>(
    (value) => typeof value === 'number' && value >= min && value <= max,
    `${what} from ${min} to ${max}`,
  );
}

/** A name or another short text: not empty, without control characters. */
export function text(maxChars = 200) {
  return v.custom<string>(
    (value) =>
      typeof value === 'string' && value.trim() !== '' && value.length <= maxChars && !/\p{Cc}|\p{Cs}/u.test(value),
    `a text of 1 to ${maxChars} characters`,
  );
}

/** The path of a file or folder, relative to the current folder. Some programs mean standard output by "-". */
export function path() {
  return v.pipe(
    v.custom<string>(
      (value) => typeof value === 'string' && value.trim() !== '' && value.length <= 4096 && !value.includes('\0'),
      'a path',
    ),
    v.check((value) => value !== '-', 'a path ("-" is none; a file of that name is "./-")'),
  );
}

/** An address to listen on. */
export function listenAddress() {
  return v.custom<string>(isListenAddress, ADDRESS_SHAPE);
}

/** An address to connect to: 0.0.0.0 is an address to listen on only. */
export function dialAddress() {
  return v.custom<string>(isDialAddress, `${ADDRESS_SHAPE} (0.0.0.0 and [::] are only for listening)`);
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]) {
  return v.custom<T>((value) => words.includes(value as T), `one of ${words.map((word) => `"${word}"`).join(', ')}`);
}

/** Converts seconds to milliseconds, rounded to a microsecond, so that 1.1 s is 1100 ms and not 1100.0000000000002. */
export function toMs(secs: number): number {
  return Math.round(secs * 1e6) / 1e3;
}

/** True for a table of a file or of a default; false for a list or a date. */
export function isTable(value: unknown): value is TomlTable {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
