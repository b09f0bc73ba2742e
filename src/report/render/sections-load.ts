/** The sections on latency, percentiles and traffic of the text report. */
import { decimals } from '../../core/decimals';
import { CLOSED_LOOP_HINT } from '../../core/metrics/loop';
import { slowLimitText } from '../../core/metrics/slow-limit';
import { printable } from '../../core/printable';
import type { CurvePoint, PhaseShare, Report } from '../report';
import { missedText, waitedText } from './loop-text';
import { labelled, MAX_ROWS, more, prose, shareCells, table, whole } from './layout';

const NAME_CHARS = 30;
const NO_RECORDS = 'unknown: there are no records of single requests';
const HEAD = ['requests', 'failed', 'p50', 'p95', 'p99', 'p99.9', 'max'];
/** The percentiles shown; the JSON report has the whole curve. */
const SHOWN = [0, 50, 90, 95, 99, 99.9, 99.99, 100];
const STEPS = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
] as const;

export function phaseRows({ phases }: Report): string[] {
  if (phases.length === 0) return [NO_RECORDS];
  const rows = phases.flatMap((phase) => [
    [phase.phase, ...shareCells(phase, exact)],
    ['  service', ...serviceCells(phase)],
  ]);
  return table(['Phase', ...HEAD], rows);
}

export function imageRows({ images, slow_limits_ms: limits, slow_limit_ms: fixed }: Report): string[] {
  if (images.length === 0) return [NO_RECORDS];
  const limitOf = (image: string): number | null => (limits && Object.hasOwn(limits, image) ? limits[image]! : null);
  const rows = images
    .slice(0, MAX_ROWS)
    .map((each) => [printable(each.image, NAME_CHARS), ...shareCells(each, exact), exact(limitOf(each.image))]);
  const note = fixed === null ? [] : prose(`slow_limit_ms fixes: ${slowLimitText(fixed)}`);
  return [...table(['Image', ...HEAD, 'slow over'], rows), ...more(images.length), ...note];
}

export function curveRows({ percentile_curve: curve }: Report): string[] {
  const points = curve.filter(({ percentile }) => SHOWN.includes(percentile));
  if (points.length === 0) return [NO_RECORDS];
  const rows = points.map((point) => [nameOf(point), exact(point.latency_ms), exact(point.service_ms)]);
  return table(['Percentile', 'latency', 'service'], rows);
}

export function trafficRows(report: Report): string[] {
  const { undecided_requests: undecided, never_sent_requests: neverSent, missing_records: missing } = report;
  return [
    labelled('Duration', `${decimals(report.duration_secs)} s`),
    ...loopRows(report),
    labelled('Goodput', goodputText(report)),
    labelled('Attempted', `${decimals(report.attempted_per_s)} requests/s`),
    ...(undecided > 0 ? undecidedRows(report) : []),
    ...(neverSent > 0 ? [labelled('Never Sent', `${whole(neverSent)}, failed: no client was free`)] : []),
    ...(missing > 0 ? [labelled('Missing Records', `${whole(missing)}, failed: nothing else is known of them`)] : []),
    labelled('Retries', whole(report.retry_count)),
    labelled('Sent', bytes(report.bytes_sent)),
    labelled('Received', bytes(report.bytes_received)),
    ...(report.warmup_secs > 0
      ? [labelled('Warm-Up', `${decimals(report.warmup_secs)} s; no total includes requests due in it`)]
      : []),
  ];
}

/** Names the loop, and what a closed one hides. */
function loopRows(report: Report): string[] {
  const { loop, unknown } = report;
  if (loop !== 'closed') return prose(labelled('Loop', loop ?? `unknown: ${unknown.loop}`));
  return [
    labelled('Loop', loop),
    ...prose(labelled('Clients Waited', waitedText(report))),
    ...prose(labelled('Missed Requests', missedText(report))),
    ...prose(CLOSED_LOOP_HINT),
  ];
}

function goodputText({ goodput_per_s: goodput }: Report): string {
  return goodput === null ? 'unknown: when the load ended is not known' : `${decimals(goodput)} successes/s`;
}

function undecidedRows({ undecided_requests: undecided, failure_rate_max: worst }: Report): string[] {
  return [
    labelled('Undecided', `${whole(undecided)}: in flight, or waiting for a client, at the end`),
    labelled('Failure Rate at Most', `${decimals(worst)}%, if all of these failed`),
  ];
}

function serviceCells({ service_p50_ms, service_p95_ms, service_p99_ms }: PhaseShare): string[] {
  return ['', '', ...[service_p50_ms, service_p95_ms, service_p99_ms].map(exact), '', ''];
}

function nameOf({ percentile }: CurvePoint): string {
  return percentile === 0 ? 'min' : percentile === 100 ? 'max' : `p${percentile}`;
}

function bytes(count: number): string {
  const [step, unit] = STEPS.find(([least]) => count >= least) ?? [];
  return `${whole(count)} bytes${step === undefined ? '' : ` (${decimals(count / step)} ${unit})`}`;
}

function exact(value: number | null): string {
  return value === null ? '-' : decimals(value);
}
