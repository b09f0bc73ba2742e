/** The records of a run as the checks read them, and the intervals that follow from them. */
import type { FaultEvent, RequestRecord, ServerEvent } from '../core/metrics/record';

/** The grace period after a task's deadline. */
export const GRACE_MS = 1000;

/** Everything that a run, real or simulated, leaves to be checked. Times are Unix milliseconds on one clock. */
export interface History {
  servers: readonly ServerEvent[];
  requests: readonly CheckedRequest[];
  faults: readonly CheckedFault[];
  serverIds: readonly number[];
  timings: { heartbeatMs: number; failureTimeoutMs: number; electionTimeoutMs: number };
  requestTimeoutMs: number;
  /** The longest transit time of a message while no fault is active, including scheduling. */
  oneWayMs: number;
  startMs: number;
  endMs: number;
  /** Files with damaged lines, which may have been anything. Default: none. */
  damaged?: readonly DamagedFile[];
}

/** A fault with its extent, as far as it is known. */
export interface CheckedFault extends FaultEvent {
  /** The servers whose links with `server_id` a link fault affects. Default: all. */
  peers?: readonly number[];
  /** True for a partition that still lets messages of one direction through. */
  isOneWay?: boolean;
}

export type CheckedRequest = RequestRecord & {
  client_name: string;
  /** The time in which its client's process stood still. Default: none. */
  paused_ms?: number;
};

export interface DamagedFile {
  kind: 'events' | 'records' | 'faults';
  file: string;
  lines: number;
}

export interface Interval {
  fromMs: number;
  toMs: number;
}

/** The leader that a server follows from `fromMs` on; null: none. */
export interface LeadershipSpan extends Interval {
  serverId: number;
  term: number;
  leaderId: number | null;
}

/** Merges the `leader`, `election` and `stepped_down` events of each server into spans; a restart ends the last one. */
export function leadershipSpans(history: History): LeadershipSpan[] {
  const spans: LeadershipSpan[] = [];
  for (const serverId of history.serverIds) {
    let open: LeadershipSpan | null = null;
    const close = (atMs: number): void => {
      if (open) spans.push({ ...open, toMs: atMs });
      open = null;
    };
    const deaths = deathsOf(history, serverId);
    for (const event of [...history.servers.filter((each) => each.server_id === serverId), ...deaths].sort(byTime)) {
      if (event.event === 'died' || event.event === 'started' || event.event === 'stopped') {
        close(event.time);
      } else if (event.event === 'leader' || event.event === 'election') {
        close(event.time);
        const leaderId = event.event === 'leader' ? event.leader_id : null;
        open = { serverId, term: event.term, leaderId, fromMs: event.time, toMs: Infinity };
      }
    }
    close(history.endMs);
  }
  return spans;
}

/** Returns the intervals in which a server's process did not run: killed to restarted, paused to resumed. */
export function absences(history: History, serverId: number): Interval[] {
  const intervals: Interval[] = [];
  let absent: { fromMs: number; by: Set<FaultEvent['action']> } | null = null;
  for (const { action, server_id, time } of doneFaults(history)) {
    if (server_id !== serverId) continue;
    if (STOPS.includes(action)) (absent ??= { fromMs: time, by: new Set() }).by.add(action);
    if (absent === null || !['restart', 'resume'].includes(action)) continue;
    for (const ended of ENDED_BY[action]!) absent.by.delete(ended);
    if (absent.by.size > 0) continue;
    intervals.push({ fromMs: absent.fromMs, toMs: time });
    absent = null;
  }
  if (absent !== null) intervals.push({ fromMs: absent.fromMs, toMs: Infinity });
  return intervals;
}

/** Returns true if the server's process did not run at `atMs`. */
export function isAbsent(history: History, serverId: number, atMs: number): boolean {
  return absences(history, serverId).some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
}

/** Returns the times at which faults were injected or healed; conditions are constant between two of them. */
export function faultTimes(history: History): number[] {
  return history.faults.filter((fault) => fault.outcome !== 'failed').map((fault) => fault.time);
}

/** Returns the faults that are active at `atMs`: each server's faults are matched with its heals. */
export function activeFaults(history: History, atMs: number): CheckedFault[] {
  let active: CheckedFault[] = [];
  for (const fault of doneFaults(history)) {
    if (fault.time > atMs) break;
    const ends = ENDED_BY[fault.action];
    if (ends) active = active.filter((each) => each.server_id !== fault.server_id || !ends.includes(each.action));
    else active.push(fault);
  }
  return active;
}

/** Returns the faults and heals that took effect, in order of time. */
export function doneFaults(history: History): CheckedFault[] {
  return history.faults.filter((fault) => fault.outcome === 'done').sort(byTime);
}

/** Returns the intervals in which a heard b, from a's own peer_up and peer_down events, keyed by `"a b"`. */
export function hearing(history: History): Map<string, Interval[]> {
  const intervals = new Map<string, Interval[]>();
  const open = new Map<string, number>();
  const close = (key: string, atMs: number): void => {
    const fromMs = open.get(key);
    if (fromMs === undefined) return;
    open.delete(key);
    intervals.set(key, [...(intervals.get(key) ?? []), { fromMs, toMs: atMs }]);
  };
  for (const event of history.servers) {
    if (event.event === 'peer_up') open.set(`${event.server_id} ${event.peer_id}`, event.time);
    else if (event.event === 'peer_down') close(`${event.server_id} ${event.peer_id}`, event.time);
    else if (event.event === 'started')
      for (const id of history.serverIds) close(`${event.server_id} ${id}`, event.time);
  }
  for (const key of [...open.keys()]) close(key, history.endMs);
  return intervals;
}

/** Returns the servers that `serverId` heard, and was heard by, at `atMs`. */
export function heardBy(history: History, serverId: number, atMs: number): number[] {
  const heard = hearing(history);
  return history.serverIds.filter((id) =>
    heard.get(`${serverId} ${id}`)?.some(({ fromMs, toMs }) => fromMs < atMs && atMs <= toMs),
  );
}

/** Returns `failure_timeout + election_timeout + 2 heartbeats`: the bound of S2 and S8. */
export function settleMs(history: History): number {
  const { heartbeatMs, failureTimeoutMs, electionTimeoutMs } = history.timings;
  return failureTimeoutMs + electionTimeoutMs + 2 * heartbeatMs;
}

/** Returns the name of a task, the same for its record and its events. */
export function taskOf(task: { run_id?: string; client_name: string; request_id: number }): string {
  return `${task.run_id ?? ''}/${task.client_name}/${task.request_id}`;
}

/** Returns how long two intervals overlap; negative if they are apart. */
export function overlapMs(a: Interval, b: Interval): number {
  return Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs);
}

function byTime(a: { time: number }, b: { time: number }): number {
  return a.time - b.time;
}

/** The faults after which a server's process does not run. */
const STOPS: readonly FaultEvent['action'][] = ['kill', 'terminate', 'pause'];

const ENDED_BY: Partial<Record<FaultEvent['action'], FaultEvent['action'][]>> = {
  resume: ['pause'],
  restart: ['kill', 'terminate', 'pause'],
  heal: ['partition', 'delay', 'loss'],
};

type Death = { event: 'died'; time: number; server_id: number };

/**
 * Returns only kills: a terminated server remains the leader until another one leads, and its own `stopped` event says
 * when it ended.
 */
function deathsOf(history: History, serverId: number): Death[] {
  return doneFaults(history)
    .filter((fault) => fault.server_id === serverId && fault.action === 'kill')
    .map((fault) => ({ event: 'died', time: fault.time, server_id: serverId }));
}
