/** Assesses each fault by the clients' records and the servers' events. */
import { serversText } from '../../core/counted';
import { DAMAGED, type FaultCost } from './fault-cost';
import { type FaultWindow, missingLineOf } from './fault-windows';
import type { KeptEvent } from '../read/inputs';
import { roundedMs } from './latencies';
import { ledAt } from './leaders';
import { noEventsText } from '../read/known-servers';
import type { FaultReport, Interval, LeaderSpan } from '../report';

/** The data by which all faults of a run are assessed. */
export interface FaultContext {
  /** The costs of the faults, in the same order. */
  costs: readonly FaultCost[];
  faults: readonly FaultWindow[];
  /** Lines of the file of faults are damaged. */
  areFaultsDamaged: boolean;
  /** null if there are no event files. */
  events: readonly KeptEvent[] | null;
  eventServerIds: readonly number[];
  /** Servers that are known but have no event file. */
  silentIds: readonly number[];
  spans: readonly LeaderSpan[];
  /** From the first request that was due to the end of the run. */
  run: Interval;
}

/** A fault's report, and the phase `recovering` during which its effects lasted. */
export interface JudgedFault {
  report: FaultReport;
  recovering: Interval | null;
}

type Seen = Pick<
  FaultReport,
  'led' | 'detected_first_ms' | 'detected_last_ms' | 'leader_first_ms' | 'leader_all_ms' | 'unknown'
>;

export function judgeFaults(context: FaultContext): JudgedFault[] {
  return context.faults.map((fault, index) => judgeFault(fault, context.costs[index]!, context));
}

function judgeFault(fault: FaultWindow, cost: FaultCost, context: FaultContext): JudgedFault {
  const { startMs, healedMs } = fault;
  const { unknown, ...seen } = seenByServers(fault, context);
  const why = cost.unknown;
  const report: FaultReport = {
    server_id: fault.serverId,
    kind: fault.kind,
    start: startMs,
    end: healedMs,
    felt_ms: cost.felt_ms,
    recovered_ms: cost.recovered_ms,
    felt_at_least_ms: cost.at_least_ms,
    requests: cost.requests,
    bad_requests: cost.bad_requests,
    failed: cost.failed,
    retried: cost.retried,
    hedged: cost.hedged,
    longest_ms: roundedMs(cost.longest_ms),
    ...seen,
    shared: cost.shared,
    recovered: cost.spanEndMs,
    unknown: {
      ...(why === null ? {} : { felt_ms: why, recovered_ms: why }),
      ...(cost.lacking === null ? {} : { requests: cost.lacking }),
      ...unknown,
    },
  };
  return { report, recovering: recoveringOf(fault, cost, context) };
}

/** Returns null if the fault was not healed within the run; without a calm second, the phase ends at the next fault. */
function recoveringOf({ startMs, healedMs }: FaultWindow, cost: FaultCost, context: FaultContext): Interval | null {
  if (healedMs === null || healedMs >= context.run.to) return null;
  const nextMs = context.faults.reduce(
    (next, each) => (each.startMs > startMs ? Math.min(next, each.startMs) : next),
    context.run.to,
  );
  return { from: healedMs, to: Math.max(healedMs, cost.spanEndMs ?? nextMs) };
}

function seenByServers(fault: FaultWindow, context: FaultContext): Seen {
  const { events, spans, faults, eventServerIds, silentIds } = context;
  const undated = context.areFaultsDamaged ? DAMAGED : undatedText(context.faults, fault);
  if (events === null || undated !== null) return unseen(undated ?? 'there are no event files of the servers');
  const { serverId, startMs, healedMs } = fault;
  const span = ledAt(spans, serverId, startMs);
  // A silent server may have been the first, or the last, to see it.
  if (silentIds.length > 0) {
    return unseen(noEventsText(silentIds), silentIds.includes(serverId) ? null : span !== undefined);
  }
  const untilMs = faults.reduce(
    (until, other) => (other.serverId === serverId && other.startMs > startMs ? Math.min(until, other.startMs) : until),
    Infinity,
  );
  // Whatever others report after it was healed has another cause.
  const lastMs = Math.min(untilMs, healedMs ?? Infinity);
  const after = events.filter(({ time }) => time >= startMs && time <= lastMs);
  const awayFrom = new Map(eventServerIds.map((id) => [id, awayFromMs(id, startMs, faults)]));
  const survivors = eventServerIds.filter((id) => id !== serverId && awayFrom.get(id)! > startMs);
  const detected = detectedBy(after, survivors, serverId);
  const followed = span === undefined ? null : followedBy(after, survivors, span.term);
  const unknown: FaultReport['unknown'] = {};
  /** A survivor that failed itself before it could is not waited for. */
  const latestMs = (measure: 'detected_last_ms' | 'leader_all_ms', times: Map<number, number>): number | null => {
    const waited = survivors.filter((id) => times.has(id) && times.get(id)! <= awayFrom.get(id)!);
    const without = survivors.filter((id) => !times.has(id) && awayFrom.get(id) === Infinity);
    if (without.length > 0) unknown[measure] = `${serversText(without)} never did`;
    if (without.length > 0 || waited.length === 0) return null;
    return roundedMs(Math.max(...waited.map((id) => times.get(id)!)) - startMs);
  };
  if (detected.size === 0) unknown.detected_first_ms = 'no other server reported it down';
  if (followed === null) {
    const why = span === undefined ? 'it was not the leader' : 'no other server reported being leader afterwards';
    unknown.leader_first_ms = why;
    unknown.leader_all_ms = why;
  }
  return {
    led: span !== undefined,
    detected_first_ms: detected.size === 0 ? null : roundedMs(Math.min(...detected.values()) - startMs),
    detected_last_ms: latestMs('detected_last_ms', detected),
    leader_first_ms: followed === null ? null : roundedMs(followed.ledMs - startMs),
    leader_all_ms: followed === null ? null : latestMs('leader_all_ms', followed.times),
    unknown,
  };
}

/** Returns what the servers tell of a fault if it is unknown, and why. */
function unseen(why: string, led: boolean | null = null): Seen {
  return {
    led,
    detected_first_ms: null,
    detected_last_ms: null,
    leader_first_ms: null,
    leader_all_ms: null,
    unknown: {
      ...(led === null ? { led: why } : {}),
      detected_first_ms: why,
      detected_last_ms: why,
      leader_first_ms: why,
      leader_all_ms: why,
    },
  };
}

/** Without the time of any fault it is not known which servers could have told. */
function undatedText(faults: readonly FaultWindow[], fault: FaultWindow): string | null {
  const isUndated = ({ missing }: FaultWindow): boolean => missing !== null && missing !== 'done';
  if (isUndated(fault)) return missingLineOf(fault);
  const other = faults.find(isUndated);
  return other === undefined ? null : `of the ${other.kind} of server ${other.serverId}, ${missingLineOf(other)}`;
}

/** Returns when each survivor first reported it down. */
function detectedBy(after: readonly KeptEvent[], survivors: readonly number[], serverId: number): Map<number, number> {
  const times = new Map<number, number>();
  for (const event of after) {
    const isDetection =
      event.event === 'peer_down' && event.peer_id === serverId && survivors.includes(event.server_id);
    if (isDetection && !times.has(event.server_id)) times.set(event.server_id, event.time);
  }
  return times;
}

/** Returns the start of a server's first own fault that is not healed by `atMs`; Infinity if there is none. */
function awayFromMs(id: number, atMs: number, faults: readonly FaultWindow[]): number {
  const own = faults.filter((fault) => fault.serverId === id && (fault.healedMs ?? Infinity) > atMs);
  return own.reduce((first, { startMs }) => Math.min(first, startMs), Infinity);
}

/** Returns when the first leader of a greater term led, and when each survivor first followed it; null without one. */
function followedBy(
  after: readonly KeptEvent[],
  survivors: readonly number[],
  term: number,
): { ledMs: number; times: Map<number, number> } | null {
  const leads = after.flatMap((event) =>
    event.event === 'leader' && survivors.includes(event.server_id) ? [event] : [],
  );
  const next = leads.find((event) => event.leader_id === event.server_id && event.term > term);
  if (next === undefined) return null;
  const times = new Map<number, number>();
  for (const event of leads) {
    const follows = event.leader_id === next.leader_id && event.term === next.term;
    if (follows && !times.has(event.server_id)) times.set(event.server_id, event.time);
  }
  return { ledMs: next.time, times };
}
