/** Compares two runs, and judges for each figure of the windows if its change exceeds their noise. */
import { seededRandom } from '../../core/random';
import { HISTOGRAM_BASE } from '../report';
import { CONFIDENCE, distance, MIN_WINDOWS, noiseOf } from './bootstrap';
import type { Compared, Comparison, JudgedRow, Scope, Side, Unit, Verdict } from './comparison';
import { differencesOf, hasSettings } from './differences';
import { groupsOf, rowOf } from './groups';
import { FIGURES, type FigureName, figuresOf, whyUnknown, type Windows, windowsOf } from './windows';

/** A fixed seed, so that equal reports give equal verdicts. */
const SEED = 0xc0_4a2e;
/** The resolution of ratios, which is that of the latencies. */
const RESOLUTION = Math.log(HISTOGRAM_BASE);

const UNITS: Record<FigureName, Unit> = {
  throughput: '/s',
  failure_rate: '%',
  avg: 'ms',
  p50: 'ms',
  p95: 'ms',
  p99: 'ms',
  'p99.9': 'ms',
};

/** A report and the path it was read from. */
export interface Named {
  name: string;
  report: Compared;
}

export function compare(a: Named, b: Named): Comparison {
  const isAllSteady = [a, b].every(({ report }) => (report.faults ?? []).length === 0 && report.warmup_secs === 0);
  const scopes = (isAllSteady ? (['whole'] as const) : (['steady', 'whole'] as const)).flatMap((scope) => {
    const [ofA, ofB] = [windowsOf(a.report, scope), windowsOf(b.report, scope)];
    return ofA && ofB ? [judge(scope, ofA, ofB)] : [];
  });
  return {
    a: sideOf(a),
    b: sideOf(b),
    differences: differencesOf(a.report, b.report),
    notes: [...notesOf('A', a.report), ...notesOf('B', b.report), ...CAVEATS],
    confidence: CONFIDENCE,
    scopes,
    groups: groupsOf(a.report, b.report),
  };
}

function sideOf({ name, report }: Named): Side {
  const { total_requests: requests, duration_secs, timeline } = report;
  return { name, requests, duration_secs, started: timeline?.from ?? null };
}

function judge(scope: Scope['scope'], a: Windows, b: Windows): Scope {
  const fewest = Math.min(a.requests.length, b.requests.length);
  const why = (figure: FigureName): string | null => {
    if (fewest < MIN_WINDOWS) return `fewer than ${MIN_WINDOWS} windows`;
    return whyUnknown(figure, a) ?? whyUnknown(figure, b);
  };
  const known = FIGURES.filter((figure) => why(figure) === null);
  const noise = known.length === 0 ? {} : noiseOf(a, b, known, { random: seededRandom(SEED) });
  const [ofA, ofB] = [figuresOf(a), figuresOf(b)];
  const rows = FIGURES.map((figure) => judgedRow(figure, ofA[figure], ofB[figure], noise[figure], why(figure)));
  return {
    scope,
    windows: { a: a.requests.length, b: b.requests.length },
    window_ms: { a: a.windowMs, b: b.windowMs },
    rows,
  };
}

function judgedRow(name: FigureName, a: number, b: number, noise: number | undefined, why: string | null): JudgedRow {
  const row = { ...rowOf(name, UNITS[name], finite(a), finite(b)), name };
  const middle = distance(name, a, b);
  if (noise === undefined || !Number.isFinite(middle)) {
    return { ...row, interval: null, verdict: 'unknown', why: why ?? 'too few requests' };
  }
  const halfWidth = noise + (name === 'failure_rate' ? 0 : RESOLUTION);
  const [from, to] = [middle - halfWidth, middle + halfWidth];
  const shown = (value: number): number => (name === 'failure_rate' ? value : Math.expm1(value) * 100);
  return { ...row, interval: { from: shown(from), to: shown(to) }, verdict: verdictOf(name, from, to), why: null };
}

function verdictOf(name: FigureName, from: number, to: number): Verdict {
  if (from <= 0 && to >= 0) return 'no difference beyond the noise';
  return from > 0 === (name === 'throughput') ? 'better' : 'worse';
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

const CAVEATS = [
  'The noise is that of the windows within each run. Runs with the same settings also differ by what changes between ' +
    'runs, such as other work on the machine: repeat both, or run them side by side, before you trust a change.',
  'In a closed loop the clients wait for the answers, so throughput follows latency: the two are one finding.',
];

function notesOf(letter: 'A' | 'B', report: Compared): string[] {
  const { generators, timeline, faults, inputs } = report;
  const notes = generators
    .filter(({ saturated }) => saturated)
    .map(
      ({ machine_id, why }) =>
        `In ${letter} the load generator of machine ${machine_id} was a bottleneck: its figures are not the cluster's ` +
        `alone. ${why ?? ''}`.trimEnd(),
    );
  if (timeline === null) notes.push(`${letter} has no records of single requests: its noise is unknown.`);
  if (faults === null) notes.push(`${letter} does not say whether there were faults: its windows may contain some.`);
  if (inputs.missing.length > 0) notes.push(`${letter} is incomplete: some of its files could not be read.`);
  if (!hasSettings(report)) notes.push(`${letter} does not record its settings: there may be more differences.`);
  return notes;
}
