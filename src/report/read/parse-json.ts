import { oneLine } from '../../core/printable';

/** What a string in it may hold, as such or as an escape, that a terminal obeys or that fools a reader. */
const SUSPECT = /\\[bfnrtu]|[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * JSON.parse of what others wrote: its strings and keys are one line each that no terminal obeys, so that no renderer
 * need think of it. Pure.
 * @throws SyntaxError | RangeError where it is no JSON, or nests too deep
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
