/** Parses untrusted JSON, and makes its texts safe to show. */
import { oneLine } from '../../core/printable';

/** Characters, raw or escaped, that a terminal interprets or that mislead a reader. */
const SUSPECT = /\\[bfnrtu]|[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * Strings and keys become single lines without control characters, so that renderers need not escape for terminals.
 * Pure.
 * @throws SyntaxError | RangeError if it is not valid JSON, or nested too deeply
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return SUSPECT.test(text) ? shown(value) : value;
}

function shown(value: unknown): unknown {
  if (typeof value === 'string') return oneLine(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [oneLine(key), shown(each)]));
}
