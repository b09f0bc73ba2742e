/** Text that becomes part of a page. What is put into it is escaped, unless it is Html itself. */
import { printable } from '../../../core/printable';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Longer texts of others are cut: a name is no novel. */
const MAX_TEXT_CHARS = 2000;

/** Markup that is known to be safe. */
export class Html {
  constructor(readonly markup: string) {}
}

/** What may stand in a page; null and false are nothing. */
export type Content = string | number | null | false | Html | readonly Content[];

/** Text of others as text: no tag, no attribute, no direction mark, on one line. */
export function escapeHtml(text: string): string {
  return printable(text, MAX_TEXT_CHARS).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** html`<p>${name}</p>`: what is put in is escaped; attributes stand in double quotes. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(parts.reduce((all, part, index) => all + markupOf(contents[index - 1]!) + part));
}

/** Data for a script of the page: JSON that ends no script, begins no comment, and breaks no line. */
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
