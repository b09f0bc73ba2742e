/** Derives the leaders of a run, and the times with none or several, from the servers' own events. */
import type { FaultWindow } from './fault-windows';
import type { KeptEvent } from '../read/inputs';
import type { Interval, Leaders, LeaderSpan } from '../report';

type Turn = { time: number; serverId: number; what: 'leads'; term: number } | Other;
interface Other {
  time: number;
  serverId: number;
  what: 'ends' | 'pauses' | 'resumes';
}

/**
 * A server leads from `leader` until it reports otherwise, is killed or restarts; it does not lead while paused. Events
 * are in ascending order; Infinity means until the end.
 */
export function leaderSpans(events: readonly KeptEvent[], faults: readonly FaultWindow[]): LeaderSpan[] {
  const turns = [...events.flatMap(turnOfEvent), ...faults.flatMap(turnsOfFault)].sort((a, b) => a.time - b.time);
  const spans: LeaderSpan[] = [];
  const open = new Map<number, LeaderSpan>();
  const paused = new Map<number, LeaderSpan>();
  for (const turn of turns) {
    const { time, serverId } = turn;
    const span = open.get(serverId);
    if (turn.what === 'leads' && span?.term === turn.term) continue;
    if (span) span.to = time;
    open.delete(serverId);
    const before = paused.get(serverId);
    paused.delete(serverId);
    if (turn.what === 'pauses' && span) paused.set(serverId, span);
    const term = turn.what === 'leads' ? turn.term : turn.what === 'resumes' ? before?.term : undefined;
    if (term === undefined) continue;
    const begun = { server_id: serverId, term, from: time, to: Infinity };
    open.set(serverId, begun);
    spans.push(begun);
  }
  return spans;
}

/** Returns the leaders of a run, and the intervals with none or several. */
export function leadersDuring(spans: readonly LeaderSpan[], events: readonly KeptEvent[], run: Interval): Leaders {
  const timeline = spans
    .map((span) => ({ ...span, from: Math.max(span.from, run.from), to: Math.min(span.to, run.to) }))
    .filter(({ from, to }) => from < to);
  const isDuring = ({ time }: KeptEvent): boolean => time >= run.from && time <= run.to;
  const elections = events.filter((event) => event.event === 'election' && isDuring(event)).length;
  return { timeline, elections, ...noneAndSeveral(timeline, run) };
}

/** Finds the span in which a server led at a given time. */
export function ledAt(spans: readonly LeaderSpan[], serverId: number, atMs: number): LeaderSpan | undefined {
  return spans.find((span) => span.server_id === serverId && span.from <= atMs && atMs <= span.to);
}

function noneAndSeveral(timeline: readonly LeaderSpan[], run: Interval): Pick<Leaders, 'none' | 'several'> {
  const changes = timeline.flatMap(({ from, to }) => [
    { time: from, by: 1 },
    { time: to, by: -1 },
  ]);
  const none: Interval[] = [];
  const several: Interval[] = [];
  let count = 0;
  let from = run.from;
  for (const { time, by } of [...changes, { time: run.to, by: 0 }].sort((a, b) => a.time - b.time || a.by - b.by)) {
    if (time > from && count === 0) none.push({ from, to: time });
    if (time > from && count > 1) several.push({ from, to: time });
    count += by;
    from = time;
  }
  return { none, several };
}

function turnOfEvent(event: KeptEvent): Turn[] {
  const { time, server_id: serverId } = event;
  switch (event.event) {
    case 'leader':
      if (event.leader_id === serverId) return [{ time, serverId, what: 'leads', term: event.term }];
      return [{ time, serverId, what: 'ends' }];
    case 'election':
    case 'stepped_down':
    case 'started':
    case 'stopped':
      return [{ time, serverId, what: 'ends' }];
    default:
      return [];
  }
}

/** A terminated server remains leader until it reports otherwise. */
function turnsOfFault({ kind, serverId, doneMs, healedMs }: FaultWindow): Turn[] {
  if (kind === 'kill') return [{ time: doneMs, serverId, what: 'ends' }];
  if (kind !== 'pause') return [];
  const pauses: Turn = { time: doneMs, serverId, what: 'pauses' };
  return healedMs === null ? [pauses] : [pauses, { time: healedMs, serverId, what: 'resumes' }];
}
