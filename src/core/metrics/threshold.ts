/** The thresholds that a user sets on the metrics of a run, like `p99<800ms`: their syntax and their results. */
import { ClusterError } from '../errors';
import { printable } from '../printable';

export interface Threshold {
  expression: string;
  metric: Metric;
  operator: Operator;
  /** In the metric's own unit. */
  limit: number;
}

type Unit = '%' | 'ms' | 'ratio' | 'per_s';
export type Metric = keyof typeof UNITS;
type Operator = keyof typeof OPERATORS;

export interface ThresholdResult {
  expression: string;
  /** null: unknown. */
  value: number | null;
  /** The unit of `value`. */
  unit: '%' | 'ms' | '/s' | '';
  passed: boolean;
}

const UNITS = {
  failure_rate: '%',
  min: 'ms',
  avg: 'ms',
  p50: 'ms',
  p95: 'ms',
  p99: 'ms',
  'p99.9': 'ms',
  max: 'ms',
  recovery: 'ms',
  felt: 'ms',
  imbalance: 'ratio',
  throughput: 'per_s',
} as const satisfies Record<string, Unit>;

export const METRICS = Object.keys(UNITS) as Metric[];

/** The metrics of what a fault cost, which are unknown without one. */
export const FAULT_METRICS: readonly Metric[] = ['recovery', 'felt'];

const OPERATORS = {
  '<=': (value: number, limit: number) => value <= limit,
  '>=': (value: number, limit: number) => value >= limit,
  '<': (value: number, limit: number) => value < limit,
  '>': (value: number, limit: number) => value > limit,
};

/** Factors from the units of an expression to the metric's own one; '' is no unit. */
const FACTORS: Record<Unit, Record<string, number>> = {
  '%': { '%': 1, '': 1 },
  ms: { ms: 1, s: 1000 },
  ratio: { '': 1 },
  per_s: { '': 1 },
};

const SHOWN = { '%': '%', ms: 'ms', ratio: '', per_s: '/s' } as const satisfies Record<Unit, string>;

const MOST_DECIMALS = 9;
const SHAPE = /^\s*([a-z0-9_.]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(%|ms|s|)\s*$/;

/**
 * Parses an expression; `known` are the metrics available there, `where` is the flag or the key.
 * @throws ClusterError `bad_usage` naming the expression and the known metrics
 */
export function parseThreshold(
  expression: string,
  { where = '--threshold', known = METRICS }: { where?: string; known?: readonly Metric[] } = {},
): Threshold {
  const bad = (expected: string): ClusterError => {
    const text = `${where}: expected ${expected}, got "${printable(expression, 60)}"; metrics are ${known.join(', ')}`;
    return new ClusterError('bad_usage', text);
  };
  const [, name = '', operator, value, unit = ''] = SHAPE.exec(expression) ?? [];
  const metric = known.find((each) => each === name);
  if (metric === undefined) throw bad('a metric, one of < <= > >=, and a number, like p99<800ms');
  const factors = FACTORS[UNITS[metric]];
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined;
  if (factor === undefined) throw bad(`${name} ${unitsOf(metric)}`);
  return { expression: expression.trim(), metric, operator: operator as Operator, limit: Number(value) * factor };
}

/** Compares each threshold with the value of its metric; an unknown value does not pass. */
export function judgeThresholds(
  thresholds: readonly Threshold[],
  valueOf: (metric: Metric) => number | null,
): ThresholdResult[] {
  return thresholds.map(({ expression, metric, operator, limit }) => {
    const value = valueOf(metric);
    return {
      expression,
      value,
      unit: SHOWN[UNITS[metric]],
      passed: value !== null && OPERATORS[operator](value, limit),
    };
  });
}

/**
 * Formats the value of a threshold with its unit, with as many decimals as keep it on its side of the limit: `23.40 ms`,
 * `0.995%` of a limit of 1 %.
 */
export function foundText({ expression, value, unit, passed }: ThresholdResult): string {
  if (value === null) return 'unknown';
  const isKnown = SHAPE.test(expression) && METRICS.some((metric) => metric === SHAPE.exec(expression)![1]);
  const threshold = isKnown ? parseThreshold(expression) : null;
  const isAway = (shown: number): boolean =>
    threshold !== null && OPERATORS[threshold.operator](shown, threshold.limit) !== passed;
  let decimals = 2;
  while (decimals < MOST_DECIMALS && isAway(Number(value.toFixed(decimals)))) decimals += 1;
  const text = value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return resultText(text, unit);
}

/** Returns a formatted value with its unit: `23.40 ms`, `1.20%`. */
export function resultText(value: string, unit: ThresholdResult['unit']): string {
  return `${value}${unit === 'ms' ? ' ms' : unit}`;
}

function unitsOf(metric: Metric): string {
  const units = Object.keys(FACTORS[UNITS[metric]]).filter((unit) => unit !== '');
  return units.length === 0 ? 'without a unit' : `in ${units.join(' or ')}`;
}
