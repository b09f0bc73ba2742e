/** A strict parser for the XML that we write; anything else is an error. Tests have no other parser. */

export interface Element {
  name: string;
  attributes: Record<string, string>;
  /** The text between its tags, including that of its children. */
  text: string;
  children: Element[];
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
/** The characters that XML 1.0 allows in a document, by code point. */
const LEGAL = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const TAG = /<(\/?)([a-z]+)((?: [a-z_]+="[^"<]*")*)(\/?)>/y;
const ENTITY = /&(amp|lt|gt|quot|apos);/g;
const PLAIN: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Parses a document of elements, attributes and text; returns its root. */
export function readXml(document: string): Element {
  if (!document.startsWith(DECLARATION)) throw new Error('there is no declaration');
  if (!LEGAL.test(document)) throw new Error('there are characters that XML does not know');
  const text = document.slice(DECLARATION.length).trimEnd();
  const outside: Element = { name: '', attributes: {}, text: '', children: [] };
  const open = [outside];
  let at = 0;
  while (at < text.length) {
    TAG.lastIndex = at;
    const found = TAG.exec(text);
    if (found === null) throw new Error(`no tag at ${JSON.stringify(text.slice(at, at + 80))}`);
    const [whole, closes, name = '', attributes = '', isEmpty] = found;
    if (closes) {
      const { name: expected } = open.pop()!;
      if (attributes || isEmpty || name !== expected) throw new Error(`${whole} closes <${expected}>`);
    } else {
      const element = { name, attributes: attributesOf(attributes), text: '', children: [] };
      open.at(-1)!.children.push(element);
      if (!isEmpty) open.push(element);
    }
    at += whole.length;
    const next = text.indexOf('<', at);
    const between = text.slice(at, next < 0 ? undefined : next);
    for (const element of open) element.text += plain(between);
    at += between.length;
  }
  if (open.length !== 1 || outside.children.length !== 1) throw new Error('there is not exactly one root');
  return outside.children[0]!;
}

function attributesOf(text: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/ ([a-z_]+)="([^"]*)"/g)) {
    if (Object.hasOwn(all, name)) throw new Error(`${name} stands twice`);
    all[name] = plain(value);
  }
  return all;
}

function plain(text: string): string {
  if (/[&>]/.test(text.replace(ENTITY, ''))) throw new Error(`an & or > stands free in ${text}`);
  return text.replace(ENTITY, (_, entity: string) => PLAIN[entity]!);
}
