/** Texts that are no longer in JSON than they are: one byte for each character, none of them escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Returns how many bytes a text has as JSON in UTF-8, without its quotes. */
export function jsonTextBytes(text: string): number {
  return PLAIN.test(text) ? text.length : Buffer.byteLength(JSON.stringify(text)) - 2;
}
