const MAX_SHOWN_CHARS = 60;

/**
 * Controls (C0, C1), line separators, lone surrogates and format characters (direction marks, what has no width, tags):
 * what could break a line, fool a reader or be obeyed by a terminal.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Whether `oneLine` would leave it as it is. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) < 0;
}

/** The text with what `UNPRINTABLE` says replaced. */
export function replaceUnprintable(text: string, replace: (character: string) => string): string {
  return text.replace(UNPRINTABLE, replace);
}

/** `\u001b`; `\u{e0041}` beyond the first 65,536. */
export function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}

/** Text of others on one line, with nothing that a terminal obeys. */
export function oneLine(text: string): string {
  return replaceUnprintable(text, escaped);
}

/** The same, cut after so many characters. */
export function printable(text: string, maxChars = MAX_SHOWN_CHARS): string {
  const plain = oneLine(text.slice(0, 4 * maxChars));
  const characters = [...plain];
  return characters.length <= maxChars ? plain : `${characters.slice(0, maxChars - 1).join('')}…`;
}
