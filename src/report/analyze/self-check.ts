/** Writes the self-check: sentences that a reader should know before trusting the numbers. */
import { dueText } from '../../core/metrics/loop';
import { counted } from '../../core/counted';
import { NO_USUAL_LATENCY, unsureGenerators } from './doubts';
import { MOST_MEDIANS } from './fault-baseline';
import { clockSentences } from './clock-text';
import { pauseText } from '../../core/metrics/saturation';
import { apartText } from '../read/clock-check';
import type { Inputs, ServerLife } from '../read/inputs';
import type { LostSamples } from '../read/lost-samples';
import type { FaultReport, Report } from '../report';

/** A p95 send delay above this suggests a busy generator. */
const LATE_MS = 10;
/** A queue as long as the work in progress, for more than this share of a run and not just briefly, means overload. */
const MAX_BEHIND_SHARE = 0.2;
const FEW_BEHIND = 3;
/** The largest share of bad windows of a baseline without a stall, on an idle machine (`npm run bench -- felt`: 5.1 %). */
const USUAL_BAD_SHARE = 0.05;

type Unchecked = Omit<Report, 'self_check'>;

interface Found {
  /** Successes that needed a retry or a second server. */
  retried: number;
  /** Servers that fell silent, and lives that began, without a fault. */
  silences: readonly ServerLife[];
  restarts: readonly ServerLife[];
  /** Load generators of which samples are missing. */
  lost: readonly LostSamples[];
  /** Operations whose slow limits a stall in the baseline has raised. */
  loose: readonly string[];
  /** No slow limit depends on the baseline. */
  areLimitsFixed: boolean;
  /** Unix milliseconds. */
  runFromMs: number;
}

export function selfCheck(report: Unchecked, inputs: Inputs, found: Found): string[] {
  const { retried, silences, restarts, lost, runFromMs } = found;
  return [
    ...generators(report, inputs, lost),
    ...pauses(report),
    ...servers(inputs),
    ...silences.map(({ serverId, lastMs }) => silenceText(serverId, lastMs - runFromMs)),
    ...restarts.map(({ serverId, fromMs }) => restartText(serverId, fromMs - runFromMs)),
    ...baseline(report, found),
    ...retries(report, retried),
    ...requests(report, inputs),
    ...gaps(report, inputs),
    ...clockSentences(inputs.clockChanges),
    ...doubts(inputs),
    ...[apartText(inputs) ?? []].flat(),
    ...clocks(report, inputs),
  ];
}

/** Checks whether the load generators were a bottleneck. */
function generators(report: Unchecked, { records }: Inputs, lost: readonly LostSamples[]): string[] {
  const { generators: all, latency_stats: latency, service_stats: service, loop } = report;
  if (records.length === 0) {
    return ['Without records of single requests, it is unknown whether the load generator was saturated.'];
  }
  const saturated = all.filter((each) => each.saturated);
  const sampled = new Set(all.map((each) => each.machine_id));
  const mute = [...new Set(records.map(({ machineId }) => machineId))].filter((id) => !sampled.has(id));
  const texts = saturated.map(
    ({ machine_id, why }) =>
      `The load generator of machine ${machine_id} was a bottleneck: ${why}. Latency and throughput are not the cluster's alone.`,
  );
  if (mute.length > 0) {
    texts.push(`No samples from the load generator of machine ${mute.join(', ')}: it is unknown whether it was busy.`);
  }
  for (const { machineId, sampled, recorded } of lost) {
    texts.push(
      `Samples of the load generator of machine ${machineId} are missing, they tell of ${sampled} of its ${recorded} requests: it is unknown whether it was busy.`,
    );
  }
  const unsure = unsureGenerators({ generators: all, lost });
  if (unsure.length > 0) {
    texts.push(
      `It is unknown whether the load generator of machine ${unsure.join(', ')} kept up: ${NO_USUAL_LATENCY}.`,
    );
  }
  if (saturated.length > 0) return texts;
  const isUnsure = mute.length > 0 || lost.length > 0 || unsure.length > 0;
  const [though, or] = isUnsure
    ? ['', ', or the load generator was busy']
    : [', though the load generator was not busy', ''];
  const waited = waitedText(report);
  if (waited !== null) {
    return [`${waited}${though}: the cluster did not keep up, or the clients were too few${or}.`, ...texts];
  }
  if (service.p95_ms === null || latency.p95_ms === null) {
    return ['No request succeeded, so it is unknown whether requests were sent on time.', ...texts];
  }
  const lateMs = latency.p95_ms - service.p95_ms;
  const late = `p95 is ${lateMs.toFixed(1)} ms longer from ${dueText(loop)} than from the actual send`;
  if (lateMs <= LATE_MS && report.missing_records > 0) {
    return [
      `It is unknown whether the load generator kept up: ${counted(report.missing_records, 'request')} without a record.`,
    ];
  }
  if (lateMs <= LATE_MS && isUnsure) return texts;
  if (lateMs <= LATE_MS) return ['The load generator kept up: requests were sent on time.'];
  if (isUnsure) return [`The load generator may have been saturated: ${late}.`, ...texts];
  // With think times each client sends its own requests, which wait for no other.
  if (loop !== 'open') return [`Requests were sent late, though the load generator was not busy: ${late}.`];
  return [
    `Requests waited for a free client, though the load generator was not busy: ${late}. The cluster did not keep up.`,
  ];
}

/** Counts the requests that found no free client, in time or before the end; null if there are none. */
function waitedText({ never_sent_requests: never, unsent_requests: unsent }: Unchecked): string | null {
  const texts = [
    ...(never > 0 ? [`${counted(never, 'request')} found no free client in time`] : []),
    ...(unsent > 0 ? [`${counted(unsent, 'request')} still waited for a free client at the end`] : []),
  ];
  return texts.length === 0 ? null : texts.join(', ');
}

/** Says when a load generator stood still, which no server is to blame for. */
function pauses({ generators: all }: Unchecked): string[] {
  return all.flatMap((each) => {
    const text = pauseText(each);
    if (text === null) return [];
    return [
      `The load generator of machine ${each.machine_id} ${text} (stopped, starved of CPU, or blocked): latencies in that time include it, and requests that had no answer by the end of their timeout are undecided.`,
    ];
  });
}

/** Checks whether the load, rather than the faults, made requests slow or fail. */
function servers({ samples }: Inputs): string[] {
  const behind = [...samples]
    .map(([id, { count, behindCount }]) => ({ id, count, behindCount, share: behindCount / count }))
    .filter(({ behindCount, share }) => behindCount >= FEW_BEHIND && share > MAX_BEHIND_SHARE)
    .sort((a, b) => a.id - b.id);
  if (behind.length === 0) return [];
  const shares = behind.map(({ id, share }) => `server ${id} in ${Math.round(share * 100)}%`).join(', ');
  return [
    `The servers were overloaded: at least as many tasks were queued as active, on ${shares} of its time. Slow and failed requests are not due to faults alone: repeat with less load or more machines.`,
  ];
}

/** Checks whether what is usual, by which faults are judged, was usual. */
function baseline({ faults, baseline: usual }: Unchecked, { loose, areLimitsFixed }: Found): string[] {
  if (faults === null || faults.length === 0 || areLimitsFixed) return [];
  const advice = 'faults may look cheaper than they were. Repeat the run, or fix the limits with --slow-limit.';
  if (loose.length > 0) {
    const names = loose.slice(0, 3).join(', ') + (loose.length > 3 ? ` and ${loose.length - 3} more` : '');
    return [
      `Before the first fault the slowest requests of ${names} took more than ${MOST_MEDIANS} times their median: the baseline held a stall, its slow limits are loose, and ${advice}`,
    ];
  }
  const share = usual?.bad_window_share ?? 0;
  if (share <= USUAL_BAD_SHARE) return [];
  return [
    `Before the first fault ${(share * 100).toFixed(1)}% of the windows were bad (usual: at most ${USUAL_BAD_SHARE * 100}%): slow limits may be loose, and ${advice}`,
  ];
}

function silenceText(serverId: number, atMs: number): string {
  return `Server ${serverId} wrote nothing after ${(atMs / 1000).toFixed(2)} s of the run, and no fault was made that stops it: it was dead or hung, or its file was cut.`;
}

function restartText(serverId: number, atMs: number): string {
  return `Server ${serverId} started again ${(atMs / 1000).toFixed(2)} s into the run, and no fault explains it: it crashed or was stopped by hand, or a line of the file of faults is missing.`;
}

function retries({ successful_requests: successful }: Unchecked, retried: number): string[] {
  if (retried === 0) return [];
  const share = successful === 0 ? '' : ` (${((retried / successful) * 100).toFixed(2)}% of the successes)`;
  const what = retried === 1 ? '1 success' : `${retried} successes`;
  return [`${what}${share} needed a retry or a second server: the failure rate does not show them.`];
}

/** Returns `8 requests in flight and 23 waiting for a client`, without what is none. */
function undecidedText(interrupted: number, unsent: number): string {
  const flying = interrupted > 0 ? `${counted(interrupted, 'request')} in flight` : null;
  const waiting = `${flying === null ? counted(unsent, 'request') : unsent} waiting for a client`;
  return [...(flying === null ? [] : [flying]), ...(unsent > 0 ? [waiting] : [])].join(' and ');
}

/** Reports requests that are missing from totals, charts or percentiles. */
function requests(report: Unchecked, { clients }: Inputs): string[] {
  const { interrupted_requests: interrupted, unsent_requests: unsent, clients_without_percentiles: mute } = report;
  const leftOut = report.timeline?.left_out ?? 0;
  const stoodStill = report.generators.some((each) => each.pauses > 0) ? ', or while a load generator stood still' : '';
  const uncounted = clients.filter(({ extras }) => extras === null).length;
  return [
    ...(interrupted + unsent > 0
      ? [
          `When the run ended${stoodStill}, ${undecidedText(interrupted, unsent)} neither succeeded nor failed; failure_rate_max counts them as failed.`,
        ]
      : []),
    ...(leftOut > 0
      ? [
          `${counted(leftOut, 'request')} ended more than a week away from the others (a wrong clock?): totals include them, charts do not.`,
        ]
      : []),
    ...(mute > 0
      ? [`${counted(mute, 'client')} without percentiles: latencies count for minimum, maximum and average only.`]
      : []),
    ...(uncounted > 0
      ? [`${counted(uncounted, 'client')} without counts of retries and bytes: these totals are too low.`]
      : []),
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
    ...(unread > 0 ? [`${counted(unread, 'place')} could not be read: the report is incomplete.`] : []),
    ...(damaged.length > 0
      ? [`${counted(damagedLines, 'line')} in ${counted(damaged.length, 'file')} damaged and not counted.`]
      : []),
    ...(repeats > 0 ? [`${counted(repeats, 'line')} repeated: requests that are already counted count once.`] : []),
    ...(inputs.faults === null ? ['There is no file of faults: it is unknown whether there were any.'] : []),
    ...(inputs.events === null ? ['There are no event files of the servers: leaders and audit are unknown.'] : []),
    ...[...inputs.leftOut]
      .sort(([a], [b]) => a - b)
      .map(
        ([id, { executed, others }]) =>
          `Server ${id} dropped ${executed} executions and ${others} other events for lack of room: counts based on them are too low.`,
      ),
    ...(silent.length > 0 && report.total_requests > 0
      ? [`Server ${silent.join(', ')} wrote no samples during the run: it is unknown how busy it was.`]
      : []),
  ];
}

function doubts({ clockDoubts }: Inputs): string[] {
  const why = [...new Set(clockDoubts.map((doubt) => doubt.why))];
  if (why.length === 0) return [];
  return [`Times of different machines may be wrong (${why.join('; ')}): values that depend on them are unknown.`];
}

function clocks({ faults, clocks: all }: Unchecked, { events, loads, uncompared }: Inputs): string[] {
  if (all.length === 0) {
    if (events === null && (faults === null || faults.length === 0)) return [];
    const isLocal = uncompared.length === 0 && new Set(loads.map(({ host }) => host)).size < 2;
    return [
      isLocal
        ? 'All files were read from this machine, so no clocks were compared: files copied from other machines keep the times of these.'
        : 'Clocks were not compared: times of clients, servers and faults are only as accurate as the clocks of their machines.',
    ];
  }
  // Each of two machines may be off in the opposite direction.
  const [worst = 0, next = 0] = all.map(({ uncertainty_ms }) => uncertainty_ms).sort((a, b) => b - a);
  const uncertainMs = worst + next;
  const shortest = shortestMs(faults ?? []);
  const within = `Clocks were compared and times corrected; they agree within ±${uncertainMs.toFixed(1)} ms`;
  if (shortest === null || shortest >= uncertainMs) return [`${within}.`];
  return [
    `${within}, which is more than the shortest duration after a fault (${shortest.toFixed(0)} ms): do not rely on durations this short.`,
  ];
}

/** Returns the shortest duration after a fault that spans the clocks of two machines; null if there is none. */
function shortestMs(faults: readonly FaultReport[]): number | null {
  const told = faults
    .flatMap(({ detected_first_ms, leader_first_ms }) => [detected_first_ms, leader_first_ms])
    .filter((ms) => ms !== null);
  return told.length === 0 ? null : Math.min(...told);
}
