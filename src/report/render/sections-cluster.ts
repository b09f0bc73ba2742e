/** The sections on faults, servers, balance and leaders of the text report. */
import type { FaultReport, Interval, Measure, Report, Spread } from '../report';
import { decimals, labelled, MAX_ROWS, median, more, most, ms, prose, table, whole } from './layout';

const MEASURES: Record<Measure, string> = {
  led: 'led',
  felt_ms: 'felt',
  recovered_ms: 'recovered',
  detected_first_ms: 'detected first',
  detected_last_ms: 'detected last',
  leader_first_ms: 'next leader',
  leader_all_ms: 'all follow',
};
const NO_LEADERS = 'unknown: there are no event files of the servers, or their clocks are unreliable';
const MB = 1e6;
const CPU_NOTE = 'cpu % is that of the whole machine, with everything else that runs on it.';
const SEVERAL_NOTE =
  'Several Leaders: by their own files, two servers led at once. For some milliseconds that is a change of leaders that ' +
  'the old one has not heard of yet; for longer, they could not reach each other.';

export function faultRows({ faults: all, baseline }: Report): string[] {
  if (all === null) return ['unknown: there is no file of faults, or there are no request records'];
  if (all.length === 0) return ['none during the run'];
  const head = ['Fault', 'felt', 'recovered', 'bad', 'of', 'failed', 'longest', 'led', 'detected', 'leader'];
  const rows = all.slice(0, MAX_ROWS).map((fault) => [
    `${fault.kind} server ${fault.server_id}`,
    fault.felt_ms === null ? `>= ${short(fault.felt_at_least_ms)}` : short(fault.felt_ms),
    short(fault.recovered_ms),
    ...[fault.bad_requests, fault.requests, fault.failed].map(whole),
    short(fault.longest_ms),
    fault.led === null ? '?' : fault.led ? 'yes' : 'no',
    short(fault.detected_first_ms),
    // If the server did not lead, there is no new leader.
    fault.led === false ? '-' : short(fault.leader_all_ms),
  ]);
  const isUnfelt = all.some(({ felt_ms }) => felt_ms === 0);
  return [
    ...table(head, rows),
    ...more(all.length),
    ...(isUnfelt ? prose(unfeltText(baseline)) : []),
    ...all.slice(0, MAX_ROWS).flatMap(unknowns),
  ];
}

/** Says what a felt time of 0 means. */
export function unfeltText(baseline: Report['baseline']): string {
  const resolutionMs = baseline?.felt_resolution_ms ?? null;
  if (resolutionMs === null) return 'felt 0: not felt; but with so few requests, even a stall of 5 s might not show.';
  return `felt 0: not felt; a stall under ${resolutionMs} ms would not show.`;
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

export function leaderRows({ leaders: all }: Report): string[] {
  if (all === null) return [NO_LEADERS];
  const zero = [...all.timeline, ...(all.none ?? [])].reduce((first, { from }) => Math.min(first, from), Infinity);
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
    labelled('New Terms', whole(all.terms)),
    spans('No Leader', all.none),
    spans('Several Leaders', all.several),
    ...(all.several !== null && all.several.length > 0 ? prose(SEVERAL_NOTE) : []),
  ];
}

/** Explains each `?`, except for the successor of a server that did not lead. */
function unknowns(fault: FaultReport): string[] {
  const entries = (Object.entries(fault.unknown) as [Measure, string][]).filter(
    ([measure]) => !measure.startsWith('leader_') || fault.led !== false,
  );
  if (entries.length === 0) return [];
  const texts = entries.map(([measure, why]) => `${MEASURES[measure]}: ${why}`);
  return prose(`${fault.kind} server ${fault.server_id}: ${texts.join('; ')}`);
}

function middleAndMost(values: readonly number[], show: (value: number) => string): [string, string] {
  return [show(median(values)), show(most(values))];
}

/** Columns fit in 100 characters only without thousands separators and decimals. */
function short(value: number | null): string {
  return value === null ? '?' : value.toFixed(0);
}
