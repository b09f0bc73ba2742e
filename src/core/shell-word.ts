/** Quotes words for POSIX shells, in commands that are executed, shown or copied. */

/** Words that a shell takes literally. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Returns a word as a person would type it: quoted only if a shell would not take it literally. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : shellQuoted(text);
}

/** Returns a word in quotes, between which a shell interprets nothing: no spaces, newlines, `$()`, `;`. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
