/** Renders the comparison as one page that works offline. */
import { length, utc, whole } from '../render/html/format';
import { page } from '../render/html/document';
import { htmlTable, mark, type Mood, part, section } from '../render/html/elements';
import { type Content, html, Html } from '../render/html/template';
import type { Compared, Comparison, JudgedRow, Scope, Side, Verdict } from './comparison';
import { chartsOf, overlaid } from './html-charts';
import { STYLE } from './style';
import {
  changeText,
  findings,
  headline,
  intervalText,
  isMean,
  labelOf,
  METHOD,
  originText,
  scopeTitle,
  SINGLE,
  valueText,
  verdictText,
} from './text';

const MOODS: Partial<Record<Verdict, Mood>> = { better: 'good', worse: 'bad' };

const RANGE = { width: 208, height: 20 };
/** The largest change drawn; more is clipped. */
const FARTHEST_PERCENT = 200;

/** `a` and `b` are the compared reports. */
export function renderCompareHtml(comparison: Comparison, { a, b }: { a: Compared; b: Compared }): string {
  const { scopes, groups, notes } = comparison;
  const data = overlaid(a, b);
  const judged = scopes.map((scope) => part(scopeTitle(scope), judgedTable(scope)));
  const body = html`${new Html(`<style>${STYLE}</style>`)}${headOf(comparison)}
    <main>
      ${section('settings', 'Settings', settings(comparison))}
      ${section('changes', 'Changes', judged.length > 0 ? [judged, html`<p class="soft part">${METHOD}</p>`] : html`<p>There are no records of single requests.</p>`)}
      ${section(
        'notes',
        'What to know',
        html`<ul>
          ${notes.map((note) => html`<li>${note}</li> `)}
        </ul>`,
      )}
      ${section('charts', 'A and B overlaid', chartsOf(data))}
      ${section('figures', 'Single figures', [html`<p>${SINGLE}</p>`, html`<div class="groups">${groups.map(groupPart)}</div>`])}
    </main> `;
  return page({ title: 'CloudP2P: two runs compared', body, data });
}

function headOf(comparison: Comparison): Html {
  return html`<header>
    <div class="above">
      <span><b>CloudP2P</b> Two runs compared</span><button id="theme" type="button">Light or dark</button>
    </div>
    <h1>${headline(comparison).replace(/\.$/, '')}</h1>
    <div class="sides">${side('A', comparison.a)}${side('B', comparison.b)}</div>
    <p class="part">${findings(comparison)}</p>
  </header> `;
}

function side(letter: 'A' | 'B', { name, requests, duration_secs, started }: Side): Html {
  const begun = started === null ? '' : `, started ${utc(started)}`;
  return html`<div class="${letter.toLowerCase()}">
    <b>${letter}: ${name}</b><small>${whole(requests)} requests in ${length(duration_secs)}${begun}</small>
  </div> `;
}

function settings({ differences }: Comparison): Html {
  if (differences.length === 0) return html`<p>The reports show no difference in settings.</p>`;
  return htmlTable({
    label: 'Settings in which A and B differ',
    columns: ['A and B differ in', { name: 'A', text: true }, { name: 'B', text: true }],
    rows: differences.map(({ what, a, b }) => [what, a ?? '(none)', b ?? '(none)']),
  });
}

function judgedTable(scope: Scope): Content {
  const table = htmlTable({
    label: scopeTitle(scope),
    columns: [
      ...['Figure', 'A', 'B', 'Change', 'Interval'],
      ...[
        { name: '', text: true },
        { name: 'Verdict', text: true },
      ],
    ],
    rows: scope.rows.map((row) => [
      isMean(scope, row) ? `${labelOf(row)}, mean of ${scope.operations} images` : labelOf(row),
      ...[row.a, row.b].map((value) => valueText(value, row.unit)),
      ...[changeText(row), intervalText(row), range(row, farthest(scope.rows, row))],
      verdictMark(row),
    ]),
  });
  return html`<div class="judged">${table}</div>
    <p class="soft">${originText(scope)}</p>`;
}

/** Marks only verdicts that found a difference. */
function verdictMark(row: JudgedRow): Html {
  const mood = MOODS[row.verdict];
  return mood ? mark(mood, row.verdict) : html`<span class="soft">${verdictText(row)}</span>`;
}

/** Returns the end of the scale: all changes in percent share one, percentage points have their own. */
function farthest(rows: readonly JudgedRow[], { unit }: JudgedRow): number {
  const ends = rows
    .filter((row) => (row.unit === '%') === (unit === '%'))
    .flatMap(({ interval }) => (interval ? [Math.abs(interval.from), Math.abs(interval.to)] : []));
  return Math.min(FARTHEST_PERCENT, Math.max(...ends, unit === '%' ? 0.1 : 2));
}

/** Draws the interval as a bar around zero, and the change as a dot. */
function range({ interval, change, verdict }: JudgedRow, end: number): Content {
  if (interval === null) return null;
  const { width, height } = RANGE;
  const at = (value: number): string => ((Math.min(1, Math.max(-1, value / end)) * 0.48 + 0.5) * width).toFixed(1);
  const look = verdict === 'better' || verdict === 'worse' ? verdict : 'same';
  const y = height / 2;
  const dot = change === null ? null : html`<circle class="${look}" cx="${at(change)}" cy="${y}" r="3.5" />`;
  return html`<span class="range"
    ><svg viewBox="0 0 ${width} ${height}" aria-hidden="true">
      <path class="axis" d="M${width / 2} 0V${height}" />
      <path class="bar ${look}" d="M${at(interval.from)} ${y}H${at(interval.to)}" />
      ${dot}
    </svg></span
  >`;
}

function groupPart({ group, rows }: Comparison['groups'][number]): Html {
  const table = htmlTable({
    label: group,
    columns: ['Figure', 'A', 'B', 'Change'],
    rows: rows.map((row) => [row.name, ...[row.a, row.b].map((value) => valueText(value, row.unit)), changeText(row)]),
  });
  return part(group, table);
}
