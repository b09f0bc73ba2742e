/** Judges two reports, of which the second is of a worse run or of less evidence: which figures look better in it. */
import { parseThreshold } from '../../../src/core/metrics/threshold';
import { type Figure, FIGURES } from './figures';
import type { Law } from './laws';

export interface Circumstances {
  law: Law;
  endsNoEarlier: boolean;
  hasFault: boolean;
}

export interface Violation {
  /** The path of the figure; of a threshold, with its metric. */
  figure: string;
  isExempt: boolean;
  /** The element of a list, or ''. */
  of: string;
  before: Value;
  after: Value;
}

type Value = number | string | boolean | null;
type Values = Map<string, Value>;

/** The fields that identify an element of a list in both reports. */
const NAMES: Readonly<Record<string, string>> = {
  images: 'image',
  phases: 'phase',
  percentile_curve: 'percentile',
  generators: 'machine_id',
  thresholds: 'expression',
  rules: 'rule',
  corrupted_by: 'server_id',
};
/** Rounding of figures that come from a client's own sums. */
const ROUNDING = { relative: 1e-6, absolute: 0.002 };

/** Returns the figures that look better in `after`; a report that is null says nothing, so nothing looks better. */
export function betterIn(before: object | null, after: object | null, where: Circumstances): Violation[] {
  if (before === null || after === null) return [];
  return FIGURES.flatMap((figure) => {
    if (!isDemanded(figure, where)) return [];
    const [was, is] = [valuesOf(before, figure), valuesOf(after, figure)];
    return [...was].flatMap(([of, value]) => {
      const now = is.get(of);
      if (now === undefined && figure.fold !== 'listed') return [];
      if (!isBetter(figure, of, value, now ?? null, where)) return [];
      return [
        { figure: nameOf(figure.path, of), isExempt: figure.where === 'exempt', of, before: value, after: now ?? null },
      ];
    });
  });
}

/** Thresholds are told apart by their metric. */
function nameOf(path: string, of: string): string {
  const [, metric] = /^([a-z0-9._]+)[<>]/.exec(path.startsWith('thresholds') ? of : '') ?? [];
  return metric === undefined ? path : path.replace('[]', `[${metric}]`);
}

function isDemanded({ where }: Figure, { law, endsNoEarlier, hasFault }: Circumstances): boolean {
  if (where === 'law 2 only') return law === 2;
  if (where === 'law 1 only') return law === 1;
  if (where === 'law 1 in time') return law === 1 && endsNoEarlier;
  if (where === 'baseline') return hasFault && endsNoEarlier;
  return where !== 'in time' || endsNoEarlier;
}

function isBetter(figure: Figure, of: string, before: Value, after: Value, where: Circumstances): boolean {
  const { sense, order = [] } = figure;
  switch (sense) {
    case 'higher is worse':
      return figure.path === 'thresholds[].value'
        ? isBetterThreshold(of, before, after, where)
        : isBetterNumber(before, after, 1);
    case 'lower is worse':
      return isBetterNumber(before, after, -1);
    case 'known':
      return before === null && after !== null;
    case 'true is worse':
      return before === true && after === false;
    case 'never becomes true':
      if (figure.fold === 'listed') return before !== null && after === null;
      if (figure.path === 'thresholds[].passed' && !isDemandedThreshold(of, where)) return false;
      return before !== true && after === true;
    case 'ordered':
      return isBetterWord(order, String(before), String(after), where);
  }
}

/** Unknown is the worst value. */
function isBetterNumber(before: Value, after: Value, sign: 1 | -1): boolean {
  if (typeof after !== 'number') return false;
  if (typeof before !== 'number') return true;
  const tolerance = ROUNDING.absolute + ROUNDING.relative * Math.abs(before);
  return sign * (before - after) > tolerance;
}

/** Evidence that is gone may have been what was wrong: then not knowing is no better. */
function isBetterWord(order: readonly string[], before: string, after: string, { law }: Circumstances): boolean {
  const rank = (word: string): number => (order.includes(word) ? order.indexOf(word) : order.length);
  // No word was told, as no fault was.
  if (before === 'null') return false;
  const isGone = law === 2 && ['wrong', 'invalid'].includes(before) && after !== 'facts';
  return rank(after) < rank(before) && !isGone;
}

function isBetterThreshold(expression: string, before: Value, after: Value, where: Circumstances): boolean {
  if (!isDemandedThreshold(expression, where)) return false;
  return isBetterNumber(before, after, parseThreshold(expression).operator.startsWith('<') ? 1 : -1);
}

/** Balance has no direction; what a fault cost is a figure in time. */
function isDemandedThreshold(expression: string, { endsNoEarlier }: Circumstances): boolean {
  if (expression.startsWith('imbalance')) return false;
  return endsNoEarlier || !/^(recovery|felt)/.test(expression);
}

/** Returns the values of a figure, by the names of the list elements that they are in. */
export function valuesOf(report: object, { path, fold }: Figure): Values {
  const values: Values = new Map();
  collect(report, stepsOf(path), 0, '', values, fold);
  return values;
}

const split = new Map<string, readonly string[]>();

function stepsOf(path: string): readonly string[] {
  let steps = split.get(path);
  if (steps === undefined) split.set(path, (steps = path.split('.')));
  return steps;
}

function collect(
  at: unknown,
  steps: readonly string[],
  depth: number,
  of: string,
  values: Values,
  fold: Figure['fold'],
): void {
  const step = steps[depth];
  if (step === undefined) return fold === undefined ? void values.set(of, leafOf(at)) : folded(at, fold, values);
  if (typeof at !== 'object' || at === null) return;
  if (step === '*') {
    for (const [key, value] of Object.entries(at)) collect(value, steps, depth + 1, `${of} ${key}`, values, fold);
    return;
  }
  const isList = step.endsWith('[]');
  const name = isList ? step.slice(0, -2) : step;
  if (!Object.hasOwn(at, name)) return;
  const value = (at as Record<string, unknown>)[name];
  if (!isList) return collect(value, steps, depth + 1, of, values, fold);
  if (!Array.isArray(value)) return;
  for (const [key, element] of named(name, value)) collect(element, steps, depth + 1, key, values, fold);
}

/** As in JSON: a number that is not finite is null. */
function leafOf(value: unknown): Value {
  return typeof value === 'number' && !Number.isFinite(value) ? null : (value as Value);
}

function named(list: string, elements: readonly Record<string, unknown>[]): [string, unknown][] {
  const key = NAMES[list];
  if (list !== 'faults') return elements.map((each, at) => [String(key === undefined ? at : each[key]), each]);
  const nameOfFault = (each: Record<string, unknown>) =>
    `${String(each['kind'])} of server ${String(each['server_id'])}`;
  const names = elements.map(nameOfFault);
  // With their number: if one of several is gone, the others cannot be told apart.
  return elements.map((each, at) => {
    const name = names[at]!;
    const count = names.filter((other) => other === name).length;
    return [`${name}, ${names.slice(0, at + 1).filter((other) => other === name).length} of ${count}`, each];
  });
}

function folded(list: unknown, fold: NonNullable<Figure['fold']>, values: Values): void {
  if (!Array.isArray(list)) return void values.set('', null);
  if (fold === 'listed')
    return named('faults', list).forEach(([name]) => values.set(name.replace(/ of \d+$/, ''), true));
  const numbers =
    fold === 'length of intervals'
      ? (list as { from: number; to: number }[]).map(({ from, to }) => to - from)
      : (list as (number | null)[]).filter((each) => each !== null);
  const sum = numbers.reduce((total, each) => total + each, 0);
  values.set('', fold === 'max' ? Math.max(0, ...numbers) : sum);
}
