/** The sections on faults, servers, balance and leaders of the text report. */
import type { FaultReport, Interval, Measure, Report, Spread } from '../report';
import { decimals, labelled, MAX_ROWS, median, more, most, ms, prose, table, whole } from './layout';

const MEASURES: Record<Measure, string> = {
  led: 'led',
  detected_ms: 'detected',
  new_leader_ms: 'new leader',
  first_success_ms: 'first success',
  back_to_baseline_ms: 'back to baseline',
};
const NO_LEADERS = 'unknown: there are no event files of the servers, or their clocks are unreliable';
const MB = 1e6;
const CPU_NOTE = 'cpu % is that of the whole machine, with everything else that runs on it.';
const SEVERAL_NOTE =
  'Several Leaders: by their own files, two servers led at once. For some milliseconds that is a change of leaders that ' +
  'the old one has not heard of yet; for longer, they could not reach each other.';

export function faultRows({ faults: all }: Report): string[] {
  if (all === null) return ['unknown: there is no file of faults, or there are no request records'];
  if (all.length === 0) return ['none during the run'];
  const head = ['Fault', 'led', 'detected', 'leader', 'success', 'baseline', 'failed', 'retried', 'hedged', 'longest'];
  const rows = all.slice(0, MAX_ROWS).map((fault) => [
    `${fault.kind} server ${fault.server_id}`,
    fault.led === null ? '?' : fault.led ? 'yes' : 'no',
    short(fault.detected_ms),
    // If the server did not lead, there is no new leader.
    fault.led === false ? '-' : short(fault.new_leader_ms),
    short(fault.first_success_ms),
    // Calm began with the fault itself.
    fault.back_to_baseline_ms === 0 ? 'at once' : short(fault.back_to_baseline_ms),
    ...[fault.requests_failed, fault.requests_retried, fault.requests_hedged].map(whole),
    short(fault.longest_request_ms),
  ]);
  return [...table(head, rows), ...more(all.length), ...all.slice(0, MAX_ROWS).flatMap(unknowns)];
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
  const zero = [...all.timeline, ...all.none].reduce((first, { from }) => Math.min(first, from), Infinity);
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
    ...(all.several.length > 0 ? prose(SEVERAL_NOTE) : []),
  ];
}

/** Explains each `?`, except for the successor of a server that did not lead. */
function unknowns(fault: FaultReport): string[] {
  const entries = (Object.entries(fault.unknown) as [Measure, string][]).filter(
    ([measure]) => measure !== 'new_leader_ms' || fault.led !== false,
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
