const MAX_SHOWN_CHARS = 60;

/** C0 and C1 controls, line separators, direction marks and lone surrogates: what could break a line or fool a terminal. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Cs}/gu;

/** Text of others on one line, with nothing that a terminal obeys. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same, cut after so many characters. */
export function printable(text: string, maxChars = MAX_SHOWN_CHARS): string {
  const plain = oneLine(text.slice(0, 4 * maxChars));
  const characters = [...plain];
  return characters.length <= maxChars ? plain : `${characters.slice(0, maxChars - 1).join('')}…`;
}
