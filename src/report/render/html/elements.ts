/** The building blocks of pages: tables, sections, tiles, marks. */
import { type Content, html, type Html } from './template';

/** A column of numbers, aligned right, unless it is `text`. */
export interface Column {
  name: string;
  text?: boolean;
}

export interface Table {
  /** The text for screen readers and for print. */
  label: string;
  columns: readonly (string | Column)[];
  /** The first cell of each row is its name. */
  rows: readonly (readonly Content[])[];
}

export type Mood = 'good' | 'fair' | 'bad' | 'unknown';

const SIGNS: Record<Mood, string> = { good: '✓', fair: '!', bad: '✕', unknown: '?' };

/** A table that scrolls by itself if it is too wide. */
export function htmlTable({ label, columns, rows }: Table): Html {
  const all = columns.map((column) => (typeof column === 'string' ? { name: column } : column));
  const isText = (index: number): boolean => index === 0 || all[index]?.text === true;
  const head = all.map(({ name }, index) =>
    isText(index) ? html`<th scope="col">${name}</th>` : html`<th scope="col" class="n">${name}</th>`,
  );
  const cell = (content: Content, index: number): Html => {
    if (index === 0) return html`<th scope="row">${content}</th>`;
    return isText(index) ? html`<td>${content}</td>` : html`<td class="n">${content}</td>`;
  };
  const body = rows.map(
    (row) =>
      html`<tr>
        ${row.map(cell)}
      </tr> `,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div> `;
}

/** A section with a heading; links refer to its `id`. */
export function section(id: string, title: string, body: Content): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${body}
  </section> `;
}

/** A part of a section. */
export function part(title: string, body: Content): Html {
  return html`<div class="part">
    <h3>${title}</h3>
    ${body}
  </div> `;
}

/** A large figure with its name; `note` gives its context. */
export function tile(name: string, value: Content, note: Content = null): Html {
  return html`<div class="tile">
    <dt>${name}</dt>
    <dd>${value}${note && html`<small>${note}</small>`}</dd>
  </div> `;
}

/** A list of names and values. */
export function definitionList(all: readonly (readonly [name: string, value: Content])[]): Html {
  const rows = all.map(
    ([name, value]) =>
      html`<div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div> `,
  );
  return html`<dl class="definitions">${rows}</dl> `;
}

/** A text that says why there is nothing to show. */
export function absent(text: Content): Html {
  return html`<p class="absent">${text}</p> `;
}

/** A word with a sign, so that it does not depend on the colour. */
export function mark(mood: Mood, text: Content): Html {
  return html`<span class="mark ${mood}"><span aria-hidden="true">${SIGNS[mood]}</span> ${text}</span>`;
}

/** Returns the first items, and a line that says how many more there are and `where`. */
export function capped<T>(
  all: readonly T[],
  max: number,
  where = 'in the JSON report',
): { shown: readonly T[]; rest: Html | null } {
  const left = all.length - max;
  if (left <= 0) return { shown: all, rest: null };
  return {
    shown: all.slice(0, max),
    rest: html`<p class="more">and ${left.toLocaleString('en-US')} more ${where}</p> `,
  };
}
