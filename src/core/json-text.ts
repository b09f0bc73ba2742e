/** Measures texts as JSON in UTF-8, so that they fit in a frame. */

/** Matches text whose JSON has the same length: one byte per character, nothing escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** The longest form of one UTF-16 unit: `\uXXXX`. */
const MAX_BYTES_PER_UNIT = 6;

/** Returns true if a text is at most `maxBytes` long as JSON in UTF-8, without its quotes. */
export function fitsJson(text: string, maxBytes: number): boolean {
  if (MAX_BYTES_PER_UNIT * text.length <= maxBytes) return true;
  return text.length <= maxBytes && jsonTextBytes(text) <= maxBytes;
}

/** Returns the size of a text as JSON in UTF-8, in bytes, without its quotes. */
export function jsonTextBytes(text: string): number {
  return PLAIN.test(text) ? text.length : Buffer.byteLength(JSON.stringify(text)) - 2;
}
