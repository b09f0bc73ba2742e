import { clockSentences } from './clock-text';
import type { Inputs } from '../read/inputs';
import type { FaultReport, Report } from '../report';

/** Requests that leave this much later than intended at their 95th percentile speak of a busy generator. */
const LATE_MS = 10;
/** A queue as long as the work under way, for more than this share of a run and not merely for a moment: more than it can do. */
const MAX_BEHIND_SHARE = 0.2;
const FEW_BEHIND = 3;

type Unchecked = Omit<Report, 'self_check'>;

/** What a reader must know before trusting the numbers, in plain sentences. */
export function selfCheck(report: Unchecked, inputs: Inputs, facts: { retried: number }): string[] {
  return [
    ...generators(report, inputs),
    ...servers(inputs),
    ...retries(report, facts.retried),
    ...requests(report, inputs),
    ...gaps(report, inputs),
    ...clockSentences(inputs.clockChanges),
    ...doubts(inputs),
    ...clocks(report, inputs),
  ];
}

/** Whether the numbers are the cluster's or those of the machines that made the load. */
function generators(report: Unchecked, { records }: Inputs): string[] {
  const { generators: all, latency_stats: latency, service_stats: service } = report;
  if (service.p95_ms === null || latency.p95_ms === null) {
    return ['Without records of single requests, nothing tells whether the load generator was saturated.'];
  }
  const lateMs = latency.p95_ms - service.p95_ms;
  const late = `p95 is ${lateMs.toFixed(1)} ms longer from the intended start than from the send`;
  const saturated = all.filter((each) => each.saturated);
  const sampled = new Set(all.map((each) => each.machine_id));
  const mute = [...new Set(records.map(({ machineId }) => machineId))].filter((id) => !sampled.has(id));
  const texts = saturated.map(
    ({ machine_id, why }) =>
      `The load generator of machine ${machine_id} was a bottleneck: ${why}. Latency and throughput are not the cluster's alone.`,
  );
  if (mute.length > 0 && all.length > 0) {
    texts.push(
      `There are no samples of the load generator of machine ${mute.join(', ')}: whether it was busy is unknown.`,
    );
  }
  if (saturated.length > 0) return texts;
  if (lateMs <= LATE_MS) return ['The load generator kept up: requests left when they were meant to.', ...texts];
  if (mute.length > 0) return [`The load generator may have been saturated: ${late}.`, ...texts];
  return [
    `Requests waited for a free client, though the load generator was not busy: ${late}. The cluster did not keep up.`,
  ];
}

/** Whether it is the load rather than the faults that made requests slow or fail. */
function servers({ samples }: Inputs): string[] {
  const behind = [...samples]
    .map(([id, { count, behindCount }]) => ({ id, count, behindCount, share: behindCount / count }))
    .filter(({ behindCount, share }) => behindCount >= FEW_BEHIND && share > MAX_BEHIND_SHARE)
    .sort((a, b) => a.id - b.id);
  if (behind.length === 0) return [];
  const shares = behind.map(({ id, share }) => `server ${id} in ${Math.round(share * 100)}%`).join(', ');
  return [
    `The load was more than the servers could do: at least as many tasks waited as were under way, on ${shares} of its time. What is slow or failed is not the faults' alone: less load or more machines will tell.`,
  ];
}

function retries({ successful_requests: successful }: Unchecked, retried: number): string[] {
  if (retried === 0) return [];
  const share = successful === 0 ? '' : ` (${((retried / successful) * 100).toFixed(2)}% of the successes)`;
  const what = retried === 1 ? '1 success' : `${retried} successes`;
  return [`${what}${share} needed a retry or a second server: the failure rate alone hides them.`];
}

/** Requests that are not where one would look for them. */
function requests(report: Unchecked, { clients }: Inputs): string[] {
  const { interrupted_requests: interrupted, unsent_requests: unsent, clients_without_percentiles: mute } = report;
  const leftOut = report.timeline?.left_out ?? 0;
  const uncounted = clients.filter(({ extras }) => extras === null).length;
  return [
    ...(interrupted + unsent > 0
      ? [`${interrupted} requests were interrupted and ${unsent} not sent; they are in no total.`]
      : []),
    ...(leftOut > 0
      ? [
          `${leftOut} requests ended more than a week from the others (a damaged clock?): they are in the totals, but in no chart.`,
        ]
      : []),
    ...(mute > 0
      ? [`${mute} clients have no percentiles: their latencies are in minimum, maximum and average only.`]
      : []),
    ...(uncounted > 0 ? [`${uncounted} clients do not count retries and bytes: these totals are too low.`] : []),
  ];
}

function gaps(report: Unchecked, inputs: Inputs): string[] {
  const damaged = inputs.files.map(({ badLines, repeats = 0 }) => badLines - repeats).filter((lines) => lines > 0);
  const damagedLines = damaged.reduce((sum, lines) => sum + lines, 0);
  const repeats = inputs.files.reduce((sum, file) => sum + (file.repeats ?? 0), 0);
  const unread = inputs.missing.length - inputs.cut.length;
  const silent = inputs.eventServerIds.filter((id) => !inputs.samples.has(id));
  return [
    ...inputs.cut,
    ...(unread > 0 ? [`${unread} places could not be read: the report is incomplete.`] : []),
    ...(damaged.length > 0 ? [`${damagedLines} lines in ${damaged.length} files are damaged and do not count.`] : []),
    ...(repeats > 0 ? [`${repeats} lines repeat requests that were counted before; they count once.`] : []),
    ...(inputs.faults === null ? ['There is no file of faults: whether there were any is unknown.'] : []),
    ...(inputs.events === null ? ['There are no event files of the servers: leaders and audit are unknown.'] : []),
    ...[...inputs.leftOut]
      .sort(([a], [b]) => a - b)
      .map(
        ([id, { executed, others }]) =>
          `Server ${id} left out ${executed} executions and ${others} other events, for there were too many to write: what is counted by them is too low.`,
      ),
    ...(silent.length > 0 && report.total_requests > 0
      ? [`Server ${silent.join(', ')} left no samples of the time of the run: how busy it was is unknown.`]
      : []),
  ];
}

function doubts({ clockDoubts }: Inputs): string[] {
  const why = [...new Set(clockDoubts.map((doubt) => doubt.why))];
  if (why.length === 0) return [];
  return [`Times of different machines may be wrong (${why.join('; ')}): what rests on them is unknown.`];
}

function clocks({ faults, clocks: all }: Unchecked, { events, loads, uncompared }: Inputs): string[] {
  if (all.length === 0) {
    if (events === null && (faults === null || faults.length === 0)) return [];
    const isLocal = uncompared.length === 0 && new Set(loads.map(({ host }) => host)).size < 2;
    return [
      isLocal
        ? 'All files were read from this machine, so no clocks were compared: copies from others keep the times of theirs.'
        : 'Clocks were not compared: times of clients, servers and faults agree as well as their machines do.',
    ];
  }
  // Of two machines, each may be off in its own direction.
  const [worst = 0, next = 0] = all.map(({ uncertainty_ms }) => uncertainty_ms).sort((a, b) => b - a);
  const uncertainMs = worst + next;
  const shortest = shortestMs(faults ?? []);
  const within = `Clocks were compared and times corrected; they agree within ±${uncertainMs.toFixed(1)} ms`;
  if (shortest === null || shortest >= uncertainMs) return [`${within}.`];
  return [
    `${within}, which is more than the shortest duration after a fault (${shortest.toFixed(0)} ms): do not rely on durations this short.`,
  ];
}

/** The shortest of what is told of faults from the clocks of two machines. */
function shortestMs(faults: readonly FaultReport[]): number | null {
  const told = faults
    .flatMap(({ detected_ms, new_leader_ms, first_success_ms }) => [detected_ms, new_leader_ms, first_success_ms])
    .filter((ms) => ms !== null);
  return told.length === 0 ? null : Math.min(...told);
}
