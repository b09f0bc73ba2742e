import type { ServerEvent } from '../core/metrics/record';
import type { FaultWindow } from './fault-windows';
import { roundedMs } from './latencies';
import { ledAt } from './leaders';
import { backToBaselineMs, type ForEachRow, overlaps } from './recovery';
import type { FaultReport, Interval, LeaderSpan } from './report';

/** What all faults of a run are judged by. */
export interface FaultContext {
  forEachRow: ForEachRow;
  /** By image: src/report/recovery.ts. */
  slowMs: Float64Array;
  faults: readonly FaultWindow[];
  /** null: no event files. */
  events: readonly ServerEvent[] | null;
  eventServerIds: readonly number[];
  spans: readonly LeaderSpan[];
  /** First start to last end of all requests. */
  run: Interval;
}

/** A fault's report, and when its consequences were over: the end of the phase `recovering`. */
export interface JudgedFault {
  report: FaultReport;
  recovering: Interval | null;
}

type Told = Partial<FaultReport> & { unknown: FaultReport['unknown'] };

/** Judges one fault by the clients' records and the servers' events. */
export function judgeFault(fault: FaultWindow, context: FaultContext): JudgedFault {
  const { run, faults, forEachRow, slowMs } = context;
  const { startMs: start, mendedMs } = fault;
  const nextMs = faults.reduce((next, { startMs }) => (startMs > start ? Math.min(next, startMs) : next), run.to);
  const back = backToBaselineMs(forEachRow, slowMs, { from: start, to: nextMs });
  const recovering = recoveringOf(fault, nextMs, context);
  const seen = seenByServers(fault, context);
  const felt = feltByClients(fault, { from: start, to: recovering?.to ?? nextMs }, seen.led ?? null, context);
  const unknown = { ...seen.unknown, ...felt.unknown };
  if (back === null) {
    const end = nextMs < run.to ? 'the next fault began' : 'the run ended';
    unknown.back_to_baseline_ms = `there was no second of calm before ${end}`;
  }
  const newLeaderMs = seen.new_leader_ms ?? felt.new_leader_ms ?? null;
  if (newLeaderMs !== null) delete unknown.new_leader_ms;
  const report = {
    ...{ server_id: fault.serverId, kind: fault.kind, start, end: mendedMs },
    ...{ led: null, detected_ms: null, new_leader_ms: null, first_success_ms: null, back_to_baseline_ms: back },
    ...{ requests_failed: 0, requests_retried: 0, requests_hedged: 0, longest_request_ms: null },
    ...felt,
    ...seen,
    new_leader_ms: newLeaderMs,
    unknown,
  };
  return { report, recovering };
}

/** null: not mended within the run. Until the next fault where no calm came. */
function recoveringOf({ mendedMs }: FaultWindow, nextMs: number, context: FaultContext): Interval | null {
  if (mendedMs === null || mendedMs >= context.run.to) return null;
  const untilMs = Math.max(mendedMs, nextMs);
  const calm = backToBaselineMs(context.forEachRow, context.slowMs, { from: mendedMs, to: untilMs });
  return { from: mendedMs, to: calm === null ? untilMs : mendedMs + calm };
}

function seenByServers(fault: FaultWindow, context: FaultContext): Told {
  const { events, spans, faults, eventServerIds } = context;
  if (events === null) {
    const why = 'there are no event files of the servers';
    return { unknown: { led: why, detected_ms: why, new_leader_ms: why } };
  }
  const { serverId, startMs } = fault;
  const untilMs = faults.reduce(
    (until, other) => (other.serverId === serverId && other.startMs > startMs ? Math.min(until, other.startMs) : until),
    Infinity,
  );
  const after = events.filter(({ time }) => time >= startMs && time < untilMs);
  const isAway = (id: number): boolean =>
    faults.some((other) => other.serverId === id && other.startMs <= startMs && (other.mendedMs ?? Infinity) > startMs);
  const survivors = eventServerIds.filter((id) => id !== serverId && !isAway(id));
  const down = after.find(
    (event) => event.event === 'peer_down' && event.peer_id === serverId && event.server_id !== serverId,
  );
  const span = ledAt(spans, serverId, startMs);
  const unknown: FaultReport['unknown'] = {};
  if (!down) unknown.detected_ms = 'no other server says that it saw it';
  const followedMs = span ? followedAt(after, survivors, span.term) : null;
  if (!span) unknown.new_leader_ms = 'it did not lead';
  else if (followedMs === null) unknown.new_leader_ms = 'no other server says that it led afterwards';
  return {
    led: span !== undefined,
    detected_ms: down ? roundedMs(down.time - startMs) : null,
    new_leader_ms: followedMs === null ? null : roundedMs(followedMs - startMs),
    unknown,
  };
}

/** When the last survivor followed the first leadership of a greater term; null: there was none. */
function followedAt(after: readonly ServerEvent[], survivors: readonly number[], term: number): number | null {
  const leads = after.flatMap((event) =>
    event.event === 'leader' && survivors.includes(event.server_id) ? [event] : [],
  );
  const next = leads.find((event) => event.leader_id === event.server_id && event.term > term);
  if (next === undefined) return null;
  const followers = leads.filter((event) => event.leader_id === next.leader_id && event.term === next.term);
  // Whoever follows again later, after a reconnection, has followed before.
  const firsts = survivors.flatMap((id) => followers.find((event) => event.server_id === id)?.time ?? []);
  return Math.max(...firsts);
}

function feltByClients(fault: FaultWindow, consequences: Interval, led: boolean | null, context: FaultContext): Told {
  const { startMs, doneMs } = fault;
  let [failed, retried, hedged, longestMs, termBefore] = [0, 0, 0, -1, -1];
  let firstSuccessMs = Infinity;
  context.forEachRow((row) => {
    if (row.success && row.endMs < startMs) termBefore = Math.max(termBefore, row.term);
    if (row.success && row.startMs >= doneMs) firstSuccessMs = Math.min(firstSuccessMs, row.endMs);
    if (!overlaps(row, consequences)) return;
    if (!row.success) failed += 1;
    if (row.retried) retried += 1;
    if (row.hedged) hedged += 1;
    longestMs = Math.max(longestMs, row.latencyMs);
  });
  const unknown: FaultReport['unknown'] = {};
  if (firstSuccessMs === Infinity) unknown.first_success_ms = 'no request begun after it was successful';
  const newTermMs = led === false ? null : newTermAfter(fault, termBefore, context);
  return {
    ...{ requests_failed: failed, requests_retried: retried, requests_hedged: hedged },
    longest_request_ms: longestMs < 0 ? null : roundedMs(longestMs),
    first_success_ms: firstSuccessMs === Infinity ? null : roundedMs(firstSuccessMs - startMs),
    new_leader_ms: newTermMs,
    unknown,
  };
}

/** Without events of the servers: the end of the first success in a greater term than any before. */
function newTermAfter({ startMs }: FaultWindow, termBefore: number, context: FaultContext): number | null {
  if (termBefore < 0) return null;
  const nextMs = context.faults.reduce(
    (next, each) => (each.startMs > startMs ? Math.min(next, each.startMs) : next),
    Infinity,
  );
  let firstMs = Infinity;
  context.forEachRow((row) => {
    const isNew = row.success && row.term > termBefore && row.endMs >= startMs && row.endMs < nextMs;
    if (isNew) firstMs = Math.min(firstMs, row.endMs);
  });
  return firstMs === Infinity ? null : roundedMs(firstMs - startMs);
}
