/** The verdict of a report: what is wrong comes before all else, and facts come only where nothing is. */
import { counted } from '../../core/counted';
import { rateText, SCALE_TEXTS, scaleOf } from '../../core/metrics/failure-scale';
import { BOTTLENECK_HINT } from '../../core/metrics/saturation';
import { wrongCarriersText } from '../../core/metrics/wrong-carriers';
import type { Report, Verdict } from '../report';

type Judged = Pick<
  Report,
  | 'total_requests'
  | 'failed_requests'
  | 'undecided_requests'
  | 'failure_rate_max'
  | 'faults'
  | 'audit'
  | 'thresholds'
  | 'rules'
  | 'generators'
  | 'loads'
>;

/**
 * @param cut the sentences that say why the load is not what was planned
 * @param doubts what else cannot be verified (doubts.ts)
 */
export function verdictOf(report: Judged, cut: readonly string[], doubts: readonly string[] = []): Verdict {
  const { failure_rate_max: rate, faults, total_requests: total } = report;
  const unknown = [...unknownOf(report), ...doubts];
  const told = kindOf(report, cut, unknown);
  // Nothing is excellent that is wrong or invalid.
  const isTold = told.kind !== 'wrong' && told.kind !== 'invalid';
  const scale = !isTold || faults === null || faults.length === 0 || total === 0 ? null : scaleOf(rate);
  const scaleText = scale === null ? null : SCALE_TEXTS[scale];
  return { ...told, not_verified: unknown, failure_rate: rate, scale, scale_text: scaleText };
}

function kindOf(report: Judged, cut: readonly string[], unknown: readonly string[]): Pick<Verdict, 'kind' | 'text'> {
  const wrong = wrongOf(report);
  if (wrong.length > 0) return { kind: 'wrong', text: `Wrong: ${wrong.join('; ')}.` };
  const invalid = invalidOf(report, cut);
  if (invalid.length > 0) return { kind: 'invalid', text: `Invalid: ${invalid.join('; ')}.` };
  const crossed = report.thresholds.filter(({ passed }) => !passed).map(({ expression }) => expression);
  if (crossed.length > 0) return { kind: 'crossed', text: `Crossed: ${crossed.join(', ')}.` };
  if (unknown.length > 0) return { kind: 'not verified', text: `Not verified: ${unknown.join('; ')}.` };
  return { kind: 'facts', text: factsOf(report) };
}

/** Lists what counts regardless of the failure rate: wrong carriers, and checks that are false. */
export function wrongOf({ audit, rules = [] }: Pick<Report, 'audit' | 'rules'>): string[] {
  const violated = rules.filter(({ verdict }) => verdict === false).map(({ rule }) => rule);
  return [
    ...(audit.corrupted > 0 ? [wrongCarriersText(audit.corrupted_by)] : []),
    ...(audit.adds_up === false ? [`the audit does not add up (${audit.why})`] : []),
    ...(violated.length > 0 ? [`violated: ${violated.join(', ')}`] : []),
  ];
}

function invalidOf({ generators, total_requests: total }: Judged, cut: readonly string[]): string[] {
  const busy = generators.filter(({ saturated }) => saturated).map(({ machine_id: id }) => id);
  return [
    ...(total === 0 ? ['no request was due'] : []),
    ...(cut.length > 0 ? ['the load was cut short of its plan, or files of it are missing or damaged'] : []),
    ...(busy.length > 0
      ? [`the load generator of machine ${busy.join(', ')} was the bottleneck (${BOTTLENECK_HINT})`]
      : []),
  ];
}

/** Lists what nobody can know: the audit, the checks and the load generators that lack evidence. */
export function unknownOf({
  audit,
  rules = [],
  generators,
  loads,
}: Pick<Report, 'audit' | 'rules' | 'generators' | 'loads'>): string[] {
  const sampled = generators.map(({ machine_id: id }) => id);
  const planned = [...new Set(loads.map(({ machine_id: id }) => id))];
  const unsampled = planned.filter((id) => !sampled.includes(id));
  const unplanned = sampled.filter((id) => !planned.includes(id));
  const unknown = rules.filter(({ verdict }) => verdict === 'unknown').map(({ rule }) => rule);
  return [
    ...(audit.adds_up === 'unknown' ? [`the audit (${audit.why})`] : []),
    ...(unknown.length > 0 ? [unknown.join(', ')] : []),
    ...(unsampled.length > 0
      ? [`whether the load generator of machine ${unsampled.join(', ')} kept up (there are no samples of it)`]
      : []),
    ...(unplanned.length > 0
      ? [`the plan, the warm-up and the end of the load of machine ${unplanned.join(', ')} (there is no run file)`]
      : []),
  ];
}

function factsOf({
  faults,
  failed_requests,
  undecided_requests,
  total_requests,
  failure_rate_max: rate,
}: Judged): string {
  const bad = failed_requests + undecided_requests;
  const failed = `${bad} of ${total_requests} requests failed${undecided_requests > 0 ? ' or were undecided' : ''}`;
  if (faults === null || faults.length === 0) {
    const made = faults === null ? 'Whether faults were made is unknown.' : 'No fault was made.';
    return `${made} ${rateText(rate)} failed: ${failed}.`;
  }
  const unknown = faults.filter(({ felt_ms: felt }) => felt === null).length;
  const worstMs = faults.reduce(
    (most, { felt_ms: felt, felt_at_least_ms: least }) => Math.max(most, felt ?? least ?? 0),
    0,
  );
  const bound = unknown > 0 ? 'least' : 'most';
  const told = worstMs > 0 ? `felt at ${bound} ${(worstMs / 1000).toFixed(2)} s` : 'not felt';
  const felt = worstMs === 0 && unknown > 0 ? [] : [told];
  const rest = unknown === 0 ? [] : [`${unknown} of ${faults.length} unknown`];
  return `${[counted(faults.length, 'fault'), failed, ...felt, ...rest].join(', ')}.`;
}
