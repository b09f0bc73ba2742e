/** Assesses each fault by the clients' records and the servers' events. */
import type { ForEachRow, Row } from '../read/columns';
import { faultMarks, type FaultMarks } from './fault-marks';
import type { FaultWindow } from './fault-windows';
import type { KeptEvent } from '../read/inputs';
import { roundedMs } from './latencies';
import { ledAt } from './leaders';
import { backToBaselineMs } from './recovery';
import type { FaultReport, Interval, LeaderSpan } from '../report';

/** The data by which all faults of a run are assessed. */
export interface FaultContext {
  forEachRow: ForEachRow;
  /** Thresholds of slow requests by image; see src/report/analyze/recovery.ts. */
  slowMs: Float64Array;
  faults: readonly FaultWindow[];
  /** null if there are no event files. */
  events: readonly KeptEvent[] | null;
  eventServerIds: readonly number[];
  spans: readonly LeaderSpan[];
  /** The first start to the last end of all requests. */
  run: Interval;
}

/** A fault's report, and the phase `recovering` during which its effects lasted. */
export interface JudgedFault {
  report: FaultReport;
  recovering: Interval | null;
}

type Told = Partial<FaultReport> & { unknown: FaultReport['unknown'] };

export function judgeFaults(context: FaultContext): JudgedFault[] {
  const marks = faultMarks(context.faults, context.forEachRow);
  return context.faults.map((fault, index) => judgeFault(fault, marks[index]!, context));
}

function judgeFault(fault: FaultWindow, marks: FaultMarks, context: FaultContext): JudgedFault {
  const { run, faults, forEachRow, slowMs } = context;
  const { startMs: start, healedMs } = fault;
  const nextMs = faults.reduce((next, { startMs }) => (startMs > start ? Math.min(next, startMs) : next), run.to);
  const back = backToBaselineMs(forEachRow, slowMs, { from: start, to: nextMs });
  const recovering = recoveringOf(fault, nextMs, context);
  const seen = seenByServers(fault, context);
  const consequences = { from: start, to: recovering?.to ?? nextMs };
  const felt = { ...feltByClients(consequences, context), ...markedByClients(fault, marks, seen.led ?? null, context) };
  const unknown = { ...seen.unknown, ...felt.unknown };
  if (back === null) {
    const end = nextMs < run.to ? 'the next fault began' : 'the run ended';
    unknown.back_to_baseline_ms = `there was no calm second before ${end}`;
  }
  const newLeaderMs = seen.new_leader_ms ?? felt.new_leader_ms ?? null;
  if (newLeaderMs !== null) delete unknown.new_leader_ms;
  // Spread first, so that the keys of the report keep their order.
  const unmeasured = {
    server_id: fault.serverId,
    kind: fault.kind,
    start,
    end: healedMs,
    led: null,
    detected_ms: null,
    new_leader_ms: null,
    first_success_ms: null,
    back_to_baseline_ms: back,
    recovered: recovering?.to ?? null,
    requests_failed: 0,
    requests_retried: 0,
    requests_hedged: 0,
    longest_request_ms: null,
  };
  const report = {
    ...unmeasured,
    ...felt,
    ...seen,
    new_leader_ms: newLeaderMs,
    unknown,
  };
  return { report, recovering };
}

/** Returns null if the fault was not healed within the run; without a calm second, the phase ends at the next fault. */
function recoveringOf({ healedMs }: FaultWindow, nextMs: number, context: FaultContext): Interval | null {
  if (healedMs === null || healedMs >= context.run.to) return null;
  const untilMs = Math.max(healedMs, nextMs);
  const calm = backToBaselineMs(context.forEachRow, context.slowMs, { from: healedMs, to: untilMs });
  return { from: healedMs, to: calm === null ? untilMs : healedMs + calm };
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
  const survivors = eventServerIds
    .filter((id) => id !== serverId)
    .map((id) => ({ id, awayFromMs: awayFromMs(id, startMs, faults) }))
    .filter((server) => server.awayFromMs > startMs);
  const down = after.find(
    (event) => event.event === 'peer_down' && event.peer_id === serverId && event.server_id !== serverId,
  );
  const span = ledAt(spans, serverId, startMs);
  const unknown: FaultReport['unknown'] = {};
  if (!down) unknown.detected_ms = 'no other server reported it down';
  const followedMs = span ? followedAt(after, survivors, span.term) : null;
  if (!span) unknown.new_leader_ms = 'it was not the leader';
  else if (followedMs === null) unknown.new_leader_ms = 'no other server reported being leader afterwards';
  return {
    led: span !== undefined,
    detected_ms: down ? roundedMs(down.time - startMs) : null,
    new_leader_ms: followedMs === null ? null : roundedMs(followedMs - startMs),
    unknown,
  };
}

/** Returns the start of a server's first own fault that is not healed by `atMs`; Infinity if there is none. */
function awayFromMs(id: number, atMs: number, faults: readonly FaultWindow[]): number {
  const own = faults.filter((fault) => fault.serverId === id && (fault.healedMs ?? Infinity) > atMs);
  return own.reduce((first, { startMs }) => Math.min(first, startMs), Infinity);
}

/** Returns the time at which the last survivor followed the first leader of a greater term; null if there was none. */
function followedAt(
  after: readonly KeptEvent[],
  survivors: readonly { id: number; awayFromMs: number }[],
  term: number,
): number | null {
  const leads = after.flatMap((event) =>
    event.event === 'leader' && survivors.some(({ id }) => id === event.server_id) ? [event] : [],
  );
  const next = leads.find((event) => event.leader_id === event.server_id && event.term > term);
  if (next === undefined) return null;
  const followers = leads.filter((event) => event.leader_id === next.leader_id && event.term === next.term);
  // A server that follows again after a reconnection counts at its first time.
  const firsts = survivors.flatMap(({ id, awayFromMs: away }) => {
    const first = followers.find((event) => event.server_id === id);
    // If two failed at once, the second follows when it is back: that is not part of the election.
    return first === undefined || first.time > away ? [] : [first.time];
  });
  return firsts.length === 0 ? null : Math.max(...firsts);
}

function feltByClients(consequences: Interval, { forEachRow }: FaultContext) {
  let [failed, retried, hedged, longestMs] = [0, 0, 0, -1];
  forEachRow((row) => {
    if (!row.success) failed += 1;
    if (row.retried) retried += 1;
    if (row.hedged) hedged += 1;
    longestMs = Math.max(longestMs, row.latencyMs);
  }, consequences);
  return {
    requests_failed: failed,
    requests_retried: retried,
    requests_hedged: hedged,
    longest_request_ms: longestMs < 0 ? null : roundedMs(longestMs),
  };
}

function markedByClients(fault: FaultWindow, marks: FaultMarks, led: boolean | null, context: FaultContext): Told {
  const { termBefore, firstSuccessMs } = marks;
  const isKnown = firstSuccessMs !== Infinity;
  return {
    first_success_ms: isKnown ? roundedMs(firstSuccessMs - fault.startMs) : null,
    new_leader_ms: led === false ? null : newTermAfter(fault, termBefore, context),
    unknown: isKnown ? {} : { first_success_ms: 'no request started after it succeeded' },
  };
}

/** Returns the end of the first success with a greater term than any before; used without server events. */
function newTermAfter({ startMs }: FaultWindow, termBefore: number, context: FaultContext): number | null {
  if (termBefore < 0) return null;
  const nextMs = context.faults.reduce(
    (next, each) => (each.startMs > startMs ? Math.min(next, each.startMs) : next),
    Infinity,
  );
  let firstMs = Infinity;
  const visit = (row: Row): void => {
    const isNew = row.success && row.term > termBefore && row.endMs >= startMs && row.endMs < nextMs;
    if (isNew) firstMs = Math.min(firstMs, row.endMs);
  };
  context.forEachRow(visit, { from: startMs, to: nextMs });
  return firstMs === Infinity ? null : roundedMs(firstMs - startMs);
}
