/** Formats the values and keys of a configuration file for error messages. */
import { printable } from '../core/printable';
import { TomlDate } from './toml-values';

/** Paths of files are shown in full, so that the file can be found. */
export const MAX_PATH_CHARS = 4096;

/** Formats a value of a configuration file for messages: `"one"`, `3.5`, `a list`, `the date 2025-10-31`. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (value instanceof TomlDate) return `the date or time ${printable(value.text)}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a table';
  return value === Infinity ? 'inf' : value === -Infinity ? '-inf' : Number.isNaN(value) ? 'nan' : String(value);
}

/** Formats a key path for messages: `peers.peers[1].id`; keys are quoted where TOML requires it. */
export function showPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((shown, step) => {
    if (typeof step === 'number') return `${shown}[${step}]`;
    const key = /^[A-Za-z0-9_-]{1,64}$/.test(step) ? step : `"${printable(step)}"`;
    return shown === '' ? key : `${shown}.${key}`;
  }, '');
}
