/** The sections that the guide does not have. */
import { printable } from '../../core/printable';
import type { FaultReport, Interval, Measure, Report, Share, Spread } from '../report';
import { decimals, labelled, ms, prose, section, table, whole } from './layout';

const MAX_ROWS = 40;
const NAME_CHARS = 30;
const MEASURES: Record<Measure, string> = {
  led: 'whether it led',
  detected_ms: 'detected',
  new_leader_ms: 'new leader',
  first_success_ms: 'first success',
  back_to_baseline_ms: 'back to baseline',
};

export function addedSections(report: Report): string[] {
  return [
    ...section('FAULTS (milliseconds after each)', faults(report)),
    ...section(
      'LATENCY BY PHASE (ms)',
      shares(
        'Phase',
        report.phases.map((each) => [each.phase, each]),
      ),
    ),
    ...section(
      'LATENCY BY IMAGE (ms)',
      shares(
        'Image',
        report.images.map((each) => [each.image, each]),
      ),
    ),
    ...section('SERVICE TIME (from the send, ms)', service(report)),
    ...section('BALANCE (windows of 1 s outside faults)', balance(report)),
    ...section('AUDIT', audit(report)),
    ...section('LEADERS (seconds into the run)', leaders(report)),
    ...(report.rules ? section('CHECKS', rules(report.rules)) : []),
    ...section('SELF-CHECK', report.self_check.flatMap(prose)),
    ...section('INPUTS', inputs(report)),
    ...section('VERDICT', prose(report.verdict.text)),
    ...(report.thresholds.length > 0 ? section('THRESHOLDS', thresholds(report)) : []),
  ];
}

function faults({ faults: all }: Report): string[] {
  if (all === null) return ['unknown: no faults and requests that could be set against each other'];
  if (all.length === 0) return ['none during the run'];
  const head = ['Fault', 'led', 'detected', 'leader', 'success', 'baseline', 'failed', 'retried', 'hedged', 'longest'];
  const rows = all.slice(0, MAX_ROWS).map((fault) => [
    `${fault.kind} server ${fault.server_id}`,
    fault.led === null ? '?' : fault.led ? 'yes' : 'no',
    short(fault.detected_ms),
    // Who did not lead is followed by nobody.
    fault.led === false ? '-' : short(fault.new_leader_ms),
    ...[fault.first_success_ms, fault.back_to_baseline_ms].map(short),
    ...[fault.requests_failed, fault.requests_retried, fault.requests_hedged].map(whole),
    short(fault.longest_request_ms),
  ]);
  return [...table(head, rows), ...more(all.length), ...all.slice(0, MAX_ROWS).flatMap(unknowns)];
}

/** Why something is `?`; that a server which did not lead has no successor explains itself. */
function unknowns(fault: FaultReport): string[] {
  const entries = (Object.entries(fault.unknown) as [Measure, string][]).filter(
    ([measure]) => measure !== 'new_leader_ms' || fault.led !== false,
  );
  if (entries.length === 0) return [];
  const texts = entries.map(([measure, why]) => `${MEASURES[measure]}: ${why}`);
  return prose(`${fault.kind} server ${fault.server_id}: ${texts.join('; ')}`);
}

function shares(what: string, all: readonly [string, Share][]): string[] {
  if (all.length === 0) return ['unknown: there are no records of single requests'];
  const head = [what, 'requests', 'failed', 'p50', 'p95', 'p99', 'p99.9', 'max'];
  const rows = all
    .slice(0, MAX_ROWS)
    .map(([name, share]) => [
      printable(name, NAME_CHARS),
      ...[share.requests, share.failed].map(whole),
      ...[share.p50_ms, share.p95_ms, share.p99_ms, share.p99_9_ms, share.max_ms].map(exact),
    ]);
  return [...table(head, rows), ...more(all.length)];
}

function service({ service_stats: stats, p99_9_ms: p999 }: Report): string[] {
  return [
    labelled('Median (P50)', ms(stats.median_ms)),
    labelled('99th Percentile', ms(stats.p99_ms)),
    labelled('Maximum', ms(stats.max_ms)),
    labelled('P99.9 of Latency', ms(p999)),
  ];
}

function balance({ balance: all }: Report): string[] {
  const spread = ({ median, worst }: Spread): string =>
    median === null || worst === null ? 'unknown' : `median ${median.toFixed(3)}, worst ${worst.toFixed(3)}`;
  return [
    labelled(
      'Whole Run',
      all.total_max_over_mean === null ? 'unknown' : `max/mean ${all.total_max_over_mean.toFixed(3)}`,
    ),
    labelled('Windows', `${whole(all.judged_windows)} of ${whole(all.windows)} have enough requests`),
    labelled('Max/Mean', spread(all.max_over_mean)),
    labelled("Jain's Index", spread(all.jain)),
  ];
}

function audit({ audit: all }: Report): string[] {
  const addsUp = all.adds_up === 'unknown' ? 'unknown' : all.adds_up ? 'yes' : 'NO';
  return [
    labelled('Requests', whole(all.requests)),
    labelled('Successes', whole(all.successes)),
    labelled('Executions', counted(all.executions)),
    labelled('Repeated', counted(all.repeated)),
    labelled('Hedged', whole(all.hedged)),
    labelled(
      'Lost',
      all.adds_up === 'unknown' && all.lost ? `${whole(all.lost)} or fewer, see below` : counted(all.lost),
    ),
    labelled('Corrupted', whole(all.corrupted)),
    labelled('Adds Up', addsUp),
    ...prose(`  ${all.why}`),
  ];
}

function leaders({ leaders: all }: Report): string[] {
  if (all === null) return ['unknown: there are no event files of the servers'];
  const zero = Math.min(...[...all.timeline, ...all.none].map(({ from }) => from));
  const at = (time: number): string => decimals((time - zero) / 1000);
  const rows = all.timeline
    .slice(0, MAX_ROWS)
    .map((span) => [`Server ${span.server_id}`, String(span.term), at(span.from), at(span.to)]);
  const spans = (name: string, intervals: readonly Interval[]): string => {
    const totalMs = intervals.reduce((sum, { from, to }) => sum + to - from, 0);
    return labelled(name, intervals.length === 0 ? 'never' : `${whole(intervals.length)} ×, ${ms(totalMs)} in all`);
  };
  return [
    ...(rows.length > 0 ? table(['Leader', 'term', 'from', 'to'], rows) : []),
    ...more(all.timeline.length),
    labelled('Elections', whole(all.elections)),
    spans('No Leader', all.none),
    spans('Several Leaders', all.several),
  ];
}

function rules(all: NonNullable<Report['rules']>): string[] {
  return all.flatMap(({ rule, verdict, problems }) => {
    const word = verdict === 'unknown' ? 'unknown' : verdict ? 'holds' : 'VIOLATED';
    return [labelled(printable(rule, 20), word), ...problems.slice(0, 3).flatMap((text) => prose(`  ${text}`))];
  });
}

function inputs({ inputs: all, runs, duration_secs, throughput_per_s }: Report): string[] {
  const lines = all.files.reduce((sum, file) => sum + file.lines, 0);
  const damaged = all.files.filter((file) => file.problems.length > 0);
  const taken = new Set(runs.filter((run) => run.taken).map((run) => run.run_id));
  return [
    labelled('Files', `${whole(all.files.length)} with ${whole(lines)} lines`),
    labelled('Duration', `${decimals(duration_secs)} s, ${decimals(throughput_per_s)} requests/s`),
    ...[...taken].slice(0, MAX_ROWS).map((id) => labelled('Run', printable(id, 60))),
    ...all.missing.slice(0, MAX_ROWS).flatMap((text) => prose(`Not read: ${text}`)),
    ...all.notes.slice(0, MAX_ROWS).flatMap((text) => prose(text)),
    ...damaged.slice(0, MAX_ROWS).flatMap((file) => prose(`${file.path}: ${file.problems.join('; ')}`)),
    ...more(damaged.length),
  ];
}

function thresholds({ thresholds: all }: Report): string[] {
  return all.map(({ expression, value, unit, passed }) => {
    const found = value === null ? 'unknown' : `it is ${decimals(value)}${unit === 'ms' ? ' ms' : unit}`;
    return labelled(printable(expression, 40), `${passed ? 'passed' : 'CROSSED'}, ${found}`);
  });
}

/** Columns stand 100 wide only without thousands separators and further digits. */
function short(value: number | null): string {
  return value === null ? '?' : value.toFixed(0);
}

function counted(value: number | null): string {
  return value === null ? 'unknown' : whole(value);
}

function exact(value: number | null): string {
  return value === null ? '-' : decimals(value);
}

function more(count: number): string[] {
  return count > MAX_ROWS ? [`and ${whole(count - MAX_ROWS)} more in the JSON report`] : [];
}
