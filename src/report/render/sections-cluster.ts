/** The sections on faults, servers, balance and leaders of the text report. */
import { decimals } from '../../core/decimals';
import type { FaultReport, Interval, Measure, Report, Spread } from '../report';
import { labelled, MAX_ROWS, median, more, most, ms, prose, table, whole } from './layout';
import { SHARED_NOTE, sharedMarks } from './shared-faults';
import { whyNoFaults, whyNoLeaders } from './why-unknown';

/** The names of the measures of a fault, in sentences. */
export const MEASURES: Record<Measure, string> = {
  led: 'led',
  felt_ms: 'felt',
  requests: 'requests',
  recovered_ms: 'recovered',
  detected_first_ms: 'detected first',
  detected_last_ms: 'detected last',
  leader_first_ms: 'next leader',
  leader_all_ms: 'all follow',
};
const COST_HEAD = ['Fault', 'felt', 'recovered', 'bad', 'of', 'failed', 'retried', 'hedged', 'longest'];
const SEEN_HEAD = ['Seen by servers', 'lasted', 'led', 'detected', 'by all', 'next leader', 'all follow'];
const MB = 1e6;
const CPU_NOTE = 'cpu % is that of the whole machine, with everything else that runs on it.';
const SEVERAL_NOTE =
  'Several Leaders: by their own files, two servers led at once. For some milliseconds that is a change of leaders that ' +
  'the old one has not heard of yet; for longer, they could not reach each other.';

export function faultRows(report: Report): string[] {
  const { faults: all, baseline } = report;
  if (all === null) return [`unknown: ${whyNoFaults(report)}`];
  if (all.length === 0) return ['none during the run'];
  const shown = all.slice(0, MAX_ROWS);
  const isUnfelt = all.some(({ felt_ms }) => felt_ms === 0);
  const marks = sharedMarks(all);
  return [
    ...table(
      COST_HEAD,
      shown.map((fault, at) => costCells(fault, marks[at]!)),
    ),
    ...table(SEEN_HEAD, shown.map(seenCells)),
    ...more(all.length),
    ...prose(baselineText(report)),
    ...(isUnfelt ? prose(unfeltText(baseline)) : []),
    ...(all.some(({ shared }) => shared) ? prose(`* ${SHARED_NOTE}`) : []),
    ...reasonsOf(shown),
  ];
}

/** Formats a fault's cost to the clients. */
function costCells(fault: FaultReport, sharedMark: string): string[] {
  return [
    `${nameOf(fault)} ${sharedMark}`.trimEnd(),
    feltText(fault),
    short(fault.recovered_ms),
    ...[fault.bad_requests, fault.requests, fault.failed, fault.retried, fault.hedged].map(short),
    short(fault.requests === 0 ? null : fault.longest_ms),
  ];
}

/** Formats what the servers told of a fault, and how long it lasted. */
function seenCells(fault: FaultReport): string[] {
  return [
    nameOf(fault),
    fault.end === null ? 'not healed' : short(fault.end - fault.start),
    fault.led === null ? '-' : fault.led ? 'yes' : 'no',
    ...[fault.detected_first_ms, fault.detected_last_ms, fault.leader_first_ms, fault.leader_all_ms].map(short),
  ];
}

function feltText({ felt_ms: feltMs, felt_at_least_ms: leastMs }: FaultReport): string {
  if (feltMs !== null) return short(feltMs);
  return leastMs === null || leastMs === 0 ? '-' : `at least ${short(leastMs)}`;
}

function nameOf({ kind, server_id: id }: FaultReport): string {
  return `${kind} server ${id}`;
}

/** Says what is usual, and how often windows are bad without any fault. */
export function baselineText({ baseline }: Pick<Report, 'baseline'>): string {
  const share = baseline?.bad_window_share ?? null;
  if (baseline === null || share === null) return `Baseline: unknown, ${baseline?.unknown ?? 'there are no records'}.`;
  const secs = decimals((baseline.to - baseline.from) / 1000);
  return `Baseline: ${whole(baseline.requests)} requests in the ${secs} s before the first fault; ${decimals(share * 100)}% of its windows were bad.`;
}

/** Says what a felt time of 0 means. */
export function unfeltText(baseline: Report['baseline']): string {
  const resolutionMs = baseline?.felt_resolution_ms ?? null;
  if (resolutionMs === null) return 'felt 0: not felt; but with so few requests, even a stall of 5 s might not show.';
  return `felt 0: not felt; a stall of all requests under ${whole(resolutionMs)} ms would not show, nor a longer one of some.`;
}

export function balanceRows({ balance: all }: Report): string[] {
  const spread = ({ median, worst }: Spread): string =>
    median === null || worst === null ? 'unknown' : `median ${median.toFixed(3)}, worst ${worst.toFixed(3)}`;
  const total = all.total_max_over_mean;
  return [
    labelled('Whole Run', total === null ? 'unknown' : `max/mean ${total.toFixed(3)}`),
    labelled('Windows', `${whole(all.judged_windows)} of ${whole(all.windows)} have enough requests`),
    labelled('Max/Mean', spread(all.max_over_mean)),
    labelled("Jain's Index", spread(all.jain)),
  ];
}

export function serverRows({ servers }: Report): string[] {
  if (servers.length === 0) return ['unknown: there are no samples of the servers during the run'];
  const head = ['Server', 'cpu %', 'max', 'MB', 'max', 'active', 'max', 'queued', 'max', 'loop ms', 'max'];
  const rows = servers
    .slice(0, MAX_ROWS)
    .map((server) => [
      `Server ${server.server_id}`,
      ...middleAndMost(server.cpu_percent, (percent) => percent.toFixed(1)),
      ...middleAndMost(server.memory_bytes, (bytes) => (bytes / MB).toFixed(0)),
      ...[server.active, server.queued].flatMap((counts) => middleAndMost(counts, (count) => count.toFixed(0))),
      ...middleAndMost(server.event_loop_delay_ms, (delayMs) => delayMs.toFixed(1)),
    ]);
  return [...table(head, rows), ...more(servers.length), ...prose(CPU_NOTE)];
}

export function leaderRows(report: Report): string[] {
  const { leaders: all, timeline } = report;
  if (all === null) return [`unknown: ${whyNoLeaders(report)}`];
  const told = [...all.timeline, ...(all.none ?? [])].reduce((first, { from }) => Math.min(first, from), Infinity);
  // A request may be due a little before the first event: nothing begins before 0.
  const zero = Math.min(timeline?.from ?? told, told);
  const at = (time: number): string => decimals((time - zero) / 1000);
  const rows = all.timeline
    .slice(0, MAX_ROWS)
    .map((span) => [`Server ${span.server_id}`, String(span.term), at(span.from), at(span.to)]);
  const spans = (name: string, intervals: readonly Interval[] | null): string => {
    if (intervals === null) return labelled(name, `unknown: ${all.unknown}`);
    const totalMs = intervals.reduce((sum, { from, to }) => sum + to - from, 0);
    return labelled(name, intervals.length === 0 ? 'never' : `${whole(intervals.length)} ×, ${ms(totalMs)} in all`);
  };
  return [
    ...(rows.length > 0 ? table(['Leader', 'term', 'from', 'to'], rows) : []),
    ...more(all.timeline.length),
    labelled('New Terms', all.terms === null ? `unknown: ${all.unknown}` : whole(all.terms)),
    spans('No Leader', all.none),
    spans('Several Leaders', all.several),
    ...(all.several !== null && all.several.length > 0 ? prose(SEVERAL_NOTE) : []),
  ];
}

/** Explains each `-` once, with the faults that it is about; a server that did not lead needs no successor. */
function reasonsOf(faults: readonly FaultReport[]): string[] {
  const faultsBy = new Map<string, string[]>();
  for (const fault of faults) {
    const measuresBy = new Map<string, string[]>();
    for (const [measure, why] of Object.entries(fault.unknown) as [Measure, string][]) {
      if (measure.startsWith('leader_') && fault.led === false) continue;
      measuresBy.set(why, [...(measuresBy.get(why) ?? []), MEASURES[measure]]);
    }
    for (const [why, measures] of measuresBy) {
      const text = `${measures.join(', ')} unknown: ${why}`;
      faultsBy.set(text, [...(faultsBy.get(text) ?? []), nameOf(fault)]);
    }
  }
  return [...faultsBy].flatMap(([text, names]) =>
    prose(names.length === faults.length && names.length > 1 ? `all: ${text}` : `${names.join(', ')}: ${text}`),
  );
}

function middleAndMost(values: readonly number[], show: (value: number) => string): [string, string] {
  return [show(median(values)), show(most(values))];
}

/** Columns fit in 100 characters only without thousands separators and decimals. */
function short(value: number | null): string {
  return value === null ? '-' : value.toFixed(0);
}
