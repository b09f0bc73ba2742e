/** Judges how far the figures of two runs differ, and if that is more than the blocks of each run differ. */
import { type Block, HISTOGRAM_BASE } from '../report-blocks';
import type { Change, JudgedRow, Scope, Unit, Verdict } from './comparison';
import {
  type Estimate,
  type Estimated,
  estimatesOf,
  failedPercent,
  type FigureName,
  FIGURES,
  isLatency,
} from './estimate';
import { rowOf } from './row';

/**
 * The number of standard errors that an interval goes to either side. By Student's distribution with 4 degrees of
 * freedom, each would hold alone in 98.8 %; by simulation, all of a comparison hold together in 94 %, even if the blocks
 * are correlated (docs/decisions/0013). 4, the freedom of one run, not 8: one alone may have the stalls.
 */
const ERRORS = 4.4;
/** The share of comparisons of equal runs in which any verdict is wrong, at most, in percent. */
export const FALSE_ALARMS_PERCENT = 6;
/** There is no difference only if the whole interval lies within this many percent of A. */
export const SAME_PERCENT = 20;
/** The resolution of ratios, which is that of the latencies. */
const RESOLUTION = Math.log(HISTOGRAM_BASE);

const UNITS: Record<FigureName, Unit> = {
  goodput: '/s',
  failure_rate_max: '%',
  avg: 'ms',
  p50: 'ms',
  p95: 'ms',
  p99: 'ms',
  'p99.9': 'ms',
};

const MORE_FAILED = 'more failed';
const NO_SUCCESS = 'no success';

/** The part of a run that a scope covers. */
export interface Part {
  blocks: readonly Block[];
  /** The operations that both runs have, as indices into those of this run. */
  operations: readonly number[];
}

/** @param isMoreFailing true if more requests of B failed elsewhere in the run */
export function judge(scope: Scope['scope'], a: Part, b: Part, isMoreFailing: boolean): Scope {
  const [ofA, ofB] = [estimatesOf(a.blocks, a.operations), estimatesOf(b.blocks, b.operations)];
  const worse = isMoreFailing || failedPercent(b.blocks) > failedPercent(a.blocks);
  const secs = { a: secsOf(a), b: secsOf(b) };
  return {
    scope,
    secs,
    operations: a.operations.length,
    holds_up_to_autocorrelation: promiseOf(Math.min(secs.a, secs.b)),
    rows: FIGURES.map((figure) => judgedRow(figure, ofA[figure], ofB[figure], worse)),
  };
}

/** Returns a scope in which nothing is known, for this reason. */
export function unknownScope(scope: Scope['scope'], a: Part, b: Part, why: string): Scope {
  const judged = judge(scope, a, b, false);
  return { ...judged, rows: FIGURES.map((figure) => judgedRow(figure, why, why, false)) };
}

/** The autocorrelation from second to second up to which FALSE_ALARMS_PERCENT holds, from so many seconds. */
const PROMISES = [
  { secs: 120, autocorrelation: 0.95 },
  { secs: 45, autocorrelation: 0.9 },
];
/** Shorter runs have no promise. */
export const PROMISED_FROM_SECS = 45;
/** The first request is due a little after a load has begun. */
const FULL_LENGTH = 0.98;

function promiseOf(leastSecs: number): number | null {
  return PROMISES.find(({ secs }) => leastSecs >= secs * FULL_LENGTH)?.autocorrelation ?? null;
}

function secsOf({ blocks }: Part): number {
  return blocks.reduce((sum, { secs }) => sum + secs, 0);
}

/** Judges one figure; a text in the place of an estimate is the reason why it is unknown. */
export function judgedRow(name: FigureName, a: Estimated, b: Estimated, isMoreFailing: boolean): JudgedRow {
  const value = (estimated: Estimated): number | null => (typeof estimated === 'string' ? null : estimated.value);
  const row = { ...rowOf(name, UNITS[name], value(a), value(b)), name };
  if (typeof a === 'string' || typeof b === 'string') {
    const why = typeof a === 'string' ? a : (b as string);
    return { ...row, interval: null, detectable: null, verdict: 'unknown', why };
  }
  const isRatio = name !== 'failure_rate_max';
  if (isRatio && (a.value === 0 || b.value === 0)) return { ...row, ...judgedNothing(a, b) };
  const middle = isRatio ? Math.log(b.value / a.value) : b.value - a.value;
  const half = ERRORS * Math.hypot(a.error, b.error) + (isRatio ? RESOLUTION : 0);
  const shown = (value: number): number => (isRatio ? Math.expm1(value) * 100 : value);
  const interval = { from: shown(middle - half), to: shown(middle + half) };
  const worse = name === 'goodput' ? -half : half;
  const same = isRatio ? SAME_PERCENT : (a.value * SAME_PERCENT) / 100;
  const verdict = verdictOf(name, interval, same);
  const isFlattering = verdict === 'better' && isLatency(name) && isMoreFailing;
  return {
    ...row,
    interval,
    detectable: shown(worse),
    verdict: isFlattering ? 'inconclusive' : verdict,
    why: isFlattering ? MORE_FAILED : null,
  };
}

/** Judges goodput if one of the runs had no success: a logarithm has no 0, so the other's own error decides. */
function judgedNothing(a: Estimate, b: Estimate): Pick<JudgedRow, 'interval' | 'detectable' | 'verdict' | 'why'> {
  const half = ERRORS * (a.error + b.error);
  const isShown = half < 1;
  if (a.value === 0) {
    if (b.value === 0) return { interval: null, detectable: null, verdict: 'unknown', why: NO_SUCCESS };
    return { interval: null, detectable: null, verdict: isShown ? 'better' : 'inconclusive', why: null };
  }
  const interval = { from: -100, to: (half - 1) * 100 };
  return { interval, detectable: Math.max(-1, -half) * 100, verdict: isShown ? 'worse' : 'inconclusive', why: null };
}

function verdictOf(name: FigureName, { from, to }: Change, same: number): Verdict {
  if (from > 0 || to < 0) return from > 0 === (name === 'goodput') ? 'better' : 'worse';
  return from >= -same && to <= same ? 'no difference' : 'inconclusive';
}
