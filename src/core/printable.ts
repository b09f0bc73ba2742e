/** Makes text from users and other machines safe to print: on one line, with nothing that a terminal interprets. */

const MAX_SHOWN_CHARS = 60;

/**
 * Controls (C0, C1), line separators, lone surrogates and format characters (direction marks, zero-width characters,
 * tags): anything that could break a line, mislead a reader or be interpreted by a terminal.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Returns true if `oneLine` would leave the text unchanged. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) < 0;
}

/** Replaces each unprintable character. */
export function replaceUnprintable(text: string, replace: (character: string) => string): string {
  return text.replace(UNPRINTABLE, replace);
}

/** Escapes a character as `\u001b`, or `\u{e0041}` beyond U+FFFF. */
export function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}

/** Returns the text with its unprintable characters escaped. */
export function oneLine(text: string): string {
  return replaceUnprintable(text, escaped);
}

/** Returns the same as `oneLine`, cut to `maxChars`. */
export function printable(text: string, maxChars = MAX_SHOWN_CHARS): string {
  const plain = oneLine(text.slice(0, 4 * maxChars));
  const characters = [...plain];
  return characters.length <= maxChars ? plain : `${characters.slice(0, maxChars - 1).join('')}…`;
}
