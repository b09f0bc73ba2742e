/** HTML templates whose values are escaped, unless they are Html themselves. */
import { printable } from '../../../core/printable';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Longer foreign texts are truncated. */
const MAX_TEXT_CHARS = 2000;

/** Markup that is known to be safe. */
export class Html {
  constructor(readonly markup: string) {}
}

/** A value in a page; null and false render nothing. */
export type Content = string | number | null | false | Html | readonly Content[];

/** Escapes foreign text: no tags, attributes or direction marks, and a single line. */
export function escapeHtml(text: string): string {
  return printable(text, MAX_TEXT_CHARS).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Renders a template such as html`<p>${name}</p>`: values are escaped; attributes must be in double quotes. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(parts.reduce((all, part, index) => all + markupOf(contents[index - 1]!) + part));
}

/** Serializes data for a script element: JSON that cannot end the script, begin a comment, or break a line. */
export function jsonForScript(data: object): string {
  return JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function markupOf(content: Content): string {
  if (content instanceof Html) return content.markup;
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return content === null || content === false ? '' : content.map(markupOf).join('');
}
