import { TomlDate } from './toml-values';

const MAX_SHOWN_CHARS = 60;

/** A file's path is shown whole, or nobody could find the file. */
export const MAX_PATH_CHARS = 4096;

/** C0 and C1 controls, line separators and direction marks: what could break the line or fool a terminal. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text for a message: on one line, with nothing that a terminal obeys, and never longer than a line. */
export function printable(text: string, maxChars = MAX_SHOWN_CHARS): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

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
