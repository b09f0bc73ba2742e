import { printable } from '../core/printable';
import { TomlDate } from './toml-values';

/** A file's path is shown whole, or nobody could find the file. */
export const MAX_PATH_CHARS = 4096;

/** A value of a configuration file as a message names it: `"one"`, `3.5`, `a list`, `the date 2025-10-31`. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (value instanceof TomlDate) return `the date or time ${printable(value.text)}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a table';
  return value === Infinity ? 'inf' : value === -Infinity ? '-inf' : Number.isNaN(value) ? 'nan' : String(value);
}

/** A key path as it stands in messages: `peers.peers[1].id`; keys that TOML wants quoted are quoted. */
export function showPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((shown, step) => {
    if (typeof step === 'number') return `${shown}[${step}]`;
    const key = /^[A-Za-z0-9_-]{1,64}$/.test(step) ? step : `"${printable(step)}"`;
    return shown === '' ? key : `${shown}.${key}`;
  }, '');
}
