import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import type { Report, ThresholdResult } from './report';

/** One expectation of the user, `p99<800ms`. */
export interface Threshold {
  expression: string;
  metric: Metric;
  operator: Operator;
  /** In the metric's own unit. */
  limit: number;
}

type Unit = '%' | 'ms' | 'ratio' | 'per_s';
type Metric = keyof typeof METRICS;
type Operator = keyof typeof OPERATORS;

interface MetricKind {
  unit: Unit;
  valueOf(report: Report): number | null;
}

const METRICS = {
  failure_rate: { unit: '%', valueOf: (report) => (report.total_requests === 0 ? null : report.failure_rate) },
  min: { unit: 'ms', valueOf: (report) => report.latency_stats.min_ms },
  avg: { unit: 'ms', valueOf: (report) => report.latency_stats.avg_ms },
  p50: { unit: 'ms', valueOf: (report) => report.latency_stats.median_ms },
  p95: { unit: 'ms', valueOf: (report) => report.latency_stats.p95_ms },
  p99: { unit: 'ms', valueOf: (report) => report.latency_stats.p99_ms },
  'p99.9': { unit: 'ms', valueOf: (report) => report.p99_9_ms },
  max: { unit: 'ms', valueOf: (report) => report.latency_stats.max_ms },
  recovery: { unit: 'ms', valueOf: worstRecoveryMs },
  imbalance: { unit: 'ratio', valueOf: (report) => report.balance.total_max_over_mean },
  throughput: { unit: 'per_s', valueOf: (report) => report.throughput_per_s },
} satisfies Record<string, MetricKind>;

const OPERATORS = {
  '<=': (value: number, limit: number) => value <= limit,
  '>=': (value: number, limit: number) => value >= limit,
  '<': (value: number, limit: number) => value < limit,
  '>': (value: number, limit: number) => value > limit,
};

/** What a unit of an expression is in the metric's own one; '' is no unit. */
const FACTORS: Record<Unit, Record<string, number>> = {
  '%': { '%': 1, '': 1 },
  ms: { ms: 1, s: 1000 },
  ratio: { '': 1 },
  per_s: { '': 1 },
};

const SHOWN = { '%': '%', ms: 'ms', ratio: '', per_s: '/s' } as const satisfies Record<Unit, string>;

const SHAPE = /^\s*([a-z0-9_.]+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(%|ms|s|)\s*$/;

/** @throws ClusterError `bad_usage` naming the expression and what is known */
export function parseThreshold(expression: string): Threshold {
  const [, name = '', operator, value, unit = ''] = SHAPE.exec(expression) ?? [];
  if (!Object.hasOwn(METRICS, name)) throw bad(expression, 'a metric, one of < <= > >=, and a number, like p99<800ms');
  const metric = name as Metric;
  const factors = FACTORS[METRICS[metric].unit];
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined;
  if (factor === undefined) throw bad(expression, `${name} ${unitsOf(metric)}`);
  return { expression: expression.trim(), metric, operator: operator as Operator, limit: Number(value) * factor };
}

/** Judges each; what is unknown has not passed. */
export function checkThresholds(report: Report, thresholds: readonly Threshold[]): ThresholdResult[] {
  return thresholds.map(({ expression, metric, operator, limit }) => {
    const value = METRICS[metric].valueOf(report);
    const unit = SHOWN[METRICS[metric].unit];
    return { expression, value, unit, passed: value !== null && OPERATORS[operator](value, limit) };
  });
}

/** The slowest return to baseline; null without faults, or if one is unknown. */
function worstRecoveryMs({ faults }: Report): number | null {
  if (faults === null || faults.length === 0) return null;
  const times = faults.map((fault) => fault.back_to_baseline_ms);
  return times.includes(null) ? null : Math.max(...(times as number[]));
}

function unitsOf(metric: Metric): string {
  const units = Object.keys(FACTORS[METRICS[metric].unit]).filter((unit) => unit !== '');
  return units.length === 0 ? 'without a unit' : `in ${units.join(' or ')}`;
}

function bad(expression: string, expected: string): ClusterError {
  const known = Object.keys(METRICS).join(', ');
  return new ClusterError(
    'bad_usage',
    `--threshold: expected ${expected}, got "${printable(expression, 60)}"; metrics are ${known}`,
  );
}
