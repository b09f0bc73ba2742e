/** Renders the comparison for a terminal, and words the sentences and figures that the page shows too. */
import { decimals } from '../../core/decimals';
import { printable } from '../../core/printable';
import { utc } from '../render/html/format';
import { DOUBLE, labelled, prose, section, table, title, whole } from '../render/layout';
import { ENOUGH_BEYOND, type FigureName } from './estimate';
import { FALSE_ALARMS_PERCENT, PROMISED_FROM_SECS, SAME_PERCENT } from './judge';
import type { Comparison, JudgedRow, Row, Scope, Side, Unit, Verdict } from './comparison';

const PATH_CHARS = 76;

/** Renders lines of at most 100 characters. */
export function renderCompareText(comparison: Comparison): string {
  const { a, b, differences, notes, scopes, groups } = comparison;
  const lines = [
    ...title('CloudP2P - Two Runs Compared'),
    ...[...sideLines('A', a), ...sideLines('B', b)],
    ...['', ...prose(headline(comparison)), ...prose(findings(comparison))],
    ...section('SETTINGS', settingsLines(differences)),
    ...section('NOTES', notes.flatMap(prose)),
    ...scopes.flatMap((scope) => section(scopeTitle(scope), scopeLines(scope))),
    ...(scopes.length === 0 ? section('CHANGES', ['unknown: there are no records of single requests']) : []),
    ...(scopes.length === 0 ? [] : ['', ...prose(METHOD)]),
    ...section('SINGLE FIGURES', prose(SINGLE)),
    ...groups.flatMap(({ group, rows }) => ['', ...groupLines(group, rows)]),
    ...['', DOUBLE, 'End of Comparison', DOUBLE],
  ];
  return `${lines.join('\n')}\n`;
}

export const SINGLE = 'Taken from the reports. Their variation between equal runs is unknown, so there is no verdict.';

/** Explains where the figures, intervals and verdicts come from. */
export const METHOD =
  'A and B are means over five blocks of the time of each run. Latencies are those of all requests, a failure with the ' +
  'longest that a success can take; geometric means over the images, with equal weights, and the blocks. Intervals show ' +
  `how far the blocks differ, and hold jointly. "No difference": the whole interval lies within ${SAME_PERCENT}% of A; "inconclusive": ` +
  'it does not, and a smaller change than the one named would not have shown. A verdict also depends on how evenly a ' +
  `run ran: a worse run may get a better one. A percentile is judged where ${ENOUGH_BEYOND} requests of each image are beyond it.`;

/** Names the time that the figures of a scope come from, and how far its verdicts can be trusted. */
export function originText({ secs, operations, holds_up_to_autocorrelation: promise }: Scope): string {
  const from = `From ${decimals(secs.a)} s of A and ${decimals(secs.b)} s of B, ${operations} image${operations === 1 ? '' : 's'}.`;
  if (promise === null) {
    return `${from} Too short (below ${PROMISED_FROM_SECS} s) to promise how often equal runs show a difference.`;
  }
  return (
    `${from} Of 100 comparisons of equal runs, at most ${FALSE_ALARMS_PERCENT} show any difference, while the cluster's ` +
    `state is correlated by up to ${promise} from one second to the next.`
  );
}

/** States what happened, without any judgement: goodput, failures and p99 of the whole runs. */
export function headline({ a, b }: Comparison): string {
  const isWrong = ({ verdict }: Side): boolean => verdict === 'wrong';
  const wrong = [...(isWrong(a) ? ['A is wrong. '] : []), ...(isWrong(b) ? ['B is wrong. '] : [])];
  const both = (tell: (side: Side) => number | null, unit: Unit): string => {
    return `${valueText(tell(a), unit)} → ${valueText(tell(b), unit)}`;
  };
  const goodput = both((side) => side.goodput_per_s, '/s');
  const failed = both((side) => side.failure_rate_max, '%');
  const p99 = both((side) => side.p99_ms, 'ms');
  return `${wrong.join('')}Goodput ${goodput}, failed ${failed}, p99 ${p99}.`;
}

/** Summarizes the verdicts, from the steady part if that has any. */
export function findings({ scopes }: Comparison): string {
  const scope = scopes.find(({ rows }) => rows.some(({ verdict }) => verdict !== 'unknown'));
  if (scope === undefined) return 'It is unknown whether A and B differ.';
  const named = (verdict: Verdict): string[] => {
    const names = scope.rows.filter((row) => row.verdict === verdict).map(({ name }) => LABELS[name] ?? name);
    return names.length === 0 ? [] : [`${verdict} in ${names.join(', ')}`];
  };
  const all = (['worse', 'better', 'inconclusive', 'no difference'] as const).flatMap(named).join('; ');
  if (scopes.length === 1) return `${all.charAt(0).toUpperCase()}${all.slice(1)}.`;
  return `${scope.scope === 'steady' ? 'Steady' : 'Whole run'}: ${all}.`;
}

const LABELS: Partial<Record<FigureName, string>> = { failure_rate_max: 'failure rate' };

/** Returns the name of a figure as it is shown. */
export function labelOf({ name }: Pick<JudgedRow, 'name'>): string {
  return LABELS[name] ?? name;
}

/** Returns true if the figure is a mean over several images, not that of all requests together. */
export function isMean({ operations }: Pick<Scope, 'operations'>, { unit }: Pick<JudgedRow, 'unit'>): boolean {
  return unit === 'ms' && operations > 1;
}

export function scopeTitle({ scope }: Scope): string {
  return scope === 'whole' ? 'WHOLE RUN' : 'STEADY (without warm-up, faults and recovery)';
}

/** `-12.3%`, or `+0.12 points` for percentages. */
export function changeText({ unit, change }: Pick<Row, 'unit' | 'change'>): string {
  return change === null ? '-' : signedChange(change, unit);
}

/** `-15.0 .. -9.1`, in the unit of the change. */
export function intervalText({ unit, interval }: JudgedRow): string {
  if (interval === null) return '-';
  const digits = unit === '%' ? 2 : 1;
  return `${signed(interval.from, digits)} .. ${signed(interval.to, digits)}`;
}

export function valueText(value: number | null, unit: Unit): string {
  if (value === null) return '-';
  if (unit === 'bytes') return `${whole(value)} B`;
  const number = unit === '' && Number.isInteger(value) ? whole(value) : decimals(value);
  return unit === '%' || unit === '/s' ? `${number}${unit}` : `${number} ${unit}`.trimEnd();
}

/** `inconclusive, +23.4% would show`, or the reason for `unknown`. */
export function verdictText({ verdict, why, detectable, unit }: JudgedRow): string {
  if (why !== null) return `${verdict}: ${why}`;
  if (verdict !== 'inconclusive' || detectable === null) return verdict;
  const change = unit === '%' ? signed(detectable, 2) : signedChange(detectable, unit);
  return `${verdict}, ${change} would show`;
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
    labelOf(row),
    ...[row.a, row.b].map((value) => valueText(value, row.unit)),
    ...[changeText(row), intervalText(row)],
  ]);
  const lines = table(['Figure', 'A', 'B', 'change', 'interval'], rows);
  // The last column is text, aligned left.
  const verdicts = ['verdict', ...scope.rows.map(verdictText)];
  const all = lines.map((line, at) => `${line}  ${verdicts[at]}`);
  const firstMean = scope.rows.findIndex((row) => isMean(scope, row));
  if (firstMean >= 0) all.splice(firstMean + 1, 0, meansText(scope));
  return [...all, ...prose(originText(scope))];
}

function meansText({ operations }: Scope): string {
  return `Latency, geometric mean of that of ${operations} images with equal weights:`;
}

function groupLines(group: string, rows: readonly Row[]): string[] {
  const cells = rows.map((row) => [
    row.name,
    ...[row.a, row.b].map((value) => valueText(value, row.unit)),
    changeText(row),
  ]);
  return table([group, 'A', 'B', 'change'], cells);
}

function signedChange(change: number, unit: Unit): string {
  return unit === '%' ? `${signed(change, 2)} points` : `${signed(change, 1)}%`;
}

/** Longer numbers would break the tables, and say no more. */
const MAX_SHOWN = 9999;

function signed(value: number, digits: number): string {
  if (value > MAX_SHOWN) return `>${MAX_SHOWN}`;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : value > 0 ? `+${text}` : text;
}
