/** Renders the comparison for a terminal, and words the sentences and figures that the page shows too. */
import { printable } from '../../core/printable';
import { utc } from '../render/html/format';
import { decimals, DOUBLE, labelled, prose, section, table, title, whole } from '../render/layout';
import { ENOUGH_BEYOND } from './windows';
import type { Comparison, JudgedRow, Row, Scope, Side, Unit, Verdict } from './comparison';

const PATH_CHARS = 76;

/** Renders lines of at most 100 characters. */
export function renderCompareText(comparison: Comparison): string {
  const { a, b, differences, notes, scopes, groups, confidence } = comparison;
  const lines = [
    ...title('CloudP2P - Two Runs Compared'),
    ...[...sideLines('A', a), ...sideLines('B', b)],
    ...['', ...prose(headline(comparison))],
    ...section('SETTINGS', settingsLines(differences)),
    ...section('NOTES', notes.flatMap(prose)),
    ...scopes.flatMap((scope) => section(scopeTitle(scope), scopeLines(scope))),
    ...(scopes.length === 0 ? section('CHANGES', ['unknown: there are no records of single requests']) : []),
    ...(scopes.length === 0 ? [] : ['', ...prose(methodText(confidence))]),
    ...section('SINGLE FIGURES', prose(SINGLE)),
    ...groups.flatMap(({ group, rows }) => ['', ...groupLines(group, rows)]),
    ...['', DOUBLE, 'End of Comparison', DOUBLE],
  ];
  return `${lines.join('\n')}\n`;
}

export const SINGLE = 'Taken from the reports. Their variation between equal runs is unknown, so there is no verdict.';

/** Explains how far the verdicts can be trusted. */
export function methodText(confidence: number): string {
  const wrong = Math.round((1 - confidence) * 100);
  return (
    'Intervals come from resampling the windows of each run. Those of one table hold jointly: of 100 comparisons of ' +
    `equal runs, about ${wrong} at most show any difference. "No difference" means none beyond the noise, not none at all. A percentile is judged ` +
    `where ${ENOUGH_BEYOND} requests of each run are beyond it.`
  );
}

/** Names the windows that the figures of a scope come from. */
export function originText({ windows, window_ms: widths }: Scope): string {
  const part = (count: number, ms: number): string => `${whole(count)} windows of ${ms / 1000} s`;
  return `From ${part(windows.a, widths.a)} of A and ${part(windows.b, widths.b)} of B.`;
}

/** Summarizes the result in one line, from the steady part if that has any verdict. */
export function headline({ scopes }: Comparison): string {
  const scope = scopes.find(({ rows }) => rows.some(({ verdict }) => verdict !== 'unknown'));
  if (scope === undefined) return 'It is unknown whether A and B differ.';
  const named = (verdict: Verdict): string[] => {
    const names = scope.rows.filter((row) => row.verdict === verdict).map(({ name }) => name.replace('_', ' '));
    return names.length === 0 ? [] : [`${verdict} in ${names.join(', ')}`];
  };
  const found = [...named('worse'), ...named('better')];
  const where = scopes.length === 1 ? '' : scope.scope === 'steady' ? 'Steady: ' : 'Whole run: ';
  const text = found.length === 0 ? 'no difference beyond the noise' : `B is ${found.join('; ')}`;
  return where === '' ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : `${where}${text}.`;
}

export function scopeTitle({ scope }: Scope): string {
  return scope === 'whole' ? 'WHOLE RUN' : 'STEADY (without warm-up, faults and recovery)';
}

/** `-12.3%`, or `+0.12 points` for percentages. */
export function changeText({ unit, change }: Pick<Row, 'unit' | 'change'>): string {
  if (change === null) return '?';
  return unit === '%' ? `${signed(change, 2)} points` : `${signed(change, 1)}%`;
}

/** `-15.0 .. -9.1`, in the unit of the change. */
export function intervalText({ unit, interval }: JudgedRow): string {
  if (interval === null) return '?';
  const digits = unit === '%' ? 2 : 1;
  return `${signed(interval.from, digits)} .. ${signed(interval.to, digits)}`;
}

export function valueText(value: number | null, unit: Unit): string {
  if (value === null) return '?';
  if (unit === 'bytes') return `${whole(value)} B`;
  const number = unit === '' && Number.isInteger(value) ? whole(value) : decimals(value);
  return unit === '%' || unit === '/s' ? `${number}${unit}` : `${number} ${unit}`.trimEnd();
}

export function verdictText({ verdict, why }: JudgedRow): string {
  if (verdict === 'unknown') return `unknown: ${why}`;
  return verdict === 'no difference beyond the noise' ? 'no difference' : verdict;
}

function sideLines(letter: string, { name, requests, duration_secs, started }: Side): string[] {
  const at = started === null ? '' : `${utc(started)}, `;
  return [
    labelled(letter, printable(name, PATH_CHARS)),
    labelled('', `${at}${whole(requests)} requests in ${decimals(duration_secs)} s`).replace(':', ' '),
  ];
}

function settingsLines(differences: Comparison['differences']): string[] {
  if (differences.length === 0) return ['The reports show no difference in settings.'];
  const parts = differences.map(({ what, a, b }) => `${what} ${a ?? '(none)'} → ${b ?? '(none)'}`);
  return ['A and B differ in:', ...parts.flatMap((part) => prose(`  ${part}`))];
}

function scopeLines(scope: Scope): string[] {
  const rows = scope.rows.map((row) => [
    row.name.replace('_', ' '),
    ...[row.a, row.b].map((value) => valueText(value, row.unit)),
    ...[changeText(row), intervalText(row)],
  ]);
  const lines = table(['Figure', 'A', 'B', 'change', 'interval'], rows);
  // The last column is text, aligned left.
  const verdicts = ['verdict', ...scope.rows.map(verdictText)];
  return [...lines.map((line, at) => `${line}  ${verdicts[at]}`), originText(scope)];
}

function groupLines(group: string, rows: readonly Row[]): string[] {
  const cells = rows.map((row) => [
    row.name,
    ...[row.a, row.b].map((value) => valueText(value, row.unit)),
    changeText(row),
  ]);
  return table([group, 'A', 'B', 'change'], cells);
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : value > 0 ? `+${text}` : text;
}
