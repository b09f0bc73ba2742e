/** Text whose JSON has the same length: one byte per character, nothing escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Returns the size of a text as JSON in UTF-8, in bytes, without its quotes. */
export function jsonTextBytes(text: string): number {
  return PLAIN.test(text) ? text.length : Buffer.byteLength(JSON.stringify(text)) - 2;
}
