/** Derives the leaders of a run, and the times with none or several, from the servers' own events. */
import type { FaultWindow } from './fault-windows';
import { countUpTo } from './intervals';
import type { KeptEvent, ServerLife } from '../read/inputs';
import type { Interval, Leaders, LeaderSpan } from '../report';

type Turn = { time: number; serverId: number; what: 'leads'; term: number } | Other;
interface Other {
  time: number;
  serverId: number;
  what: 'ends' | 'pauses' | 'resumes';
}

/**
 * A server leads from `leader` until the first sign of its end: it reports otherwise, a kill or a pause is sent to it, or
 * a peer's connection is refused and it writes nothing more in this life, or it falls silent for the rest of the run. It
 * does not lead while it is paused, by a fault or by what it tells itself. Events are in ascending order; Infinity means
 * until the end.
 */
export function leaderSpans(
  events: readonly KeptEvent[],
  faults: readonly FaultWindow[],
  lives: readonly ServerLife[],
  silences: readonly ServerLife[] = [],
): LeaderSpan[] {
  const lifeOf = lifeFinder(lives);
  const turns = [
    ...events.flatMap((event) => [...turnOfEvent(event), ...refusal(event, lifeOf)]),
    ...faults.flatMap(turnsOfFault),
    ...silences.map(({ serverId, lastMs: time }): Turn => ({ time, serverId, what: 'ends' })),
  ].sort((a, b) => a.time - b.time);
  const spans: LeaderSpan[] = [];
  const open = new Map<number, LeaderSpan>();
  const paused = new Map<number, LeaderSpan>();
  for (const turn of turns) {
    const { time, serverId } = turn;
    const span = open.get(serverId);
    if (turn.what === 'leads' && span?.term === turn.term) continue;
    const before = paused.get(serverId);
    // The file of faults and the server's own may tell of the same pause.
    if ((turn.what === 'pauses' && !span) || (turn.what === 'resumes' && !before)) continue;
    if (span) span.to = time;
    open.delete(serverId);
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

export interface LeadersOptions {
  lives: readonly ServerLife[];
  run: Interval;
  /** Why all but the leaders that are known is unknown; null if it is known. */
  unknown: string | null;
}

/** Returns the leaders of a run, and the intervals with none or several. */
export function leadersDuring(spans: readonly LeaderSpan[], { lives, run, unknown }: LeadersOptions): Leaders {
  const lifeOf = lifeFinder(lives);
  const during = (span: LeaderSpan, toMs: number): LeaderSpan[] => {
    const clipped = { ...span, from: Math.max(span.from, run.from), to: Math.min(toMs, run.to) };
    return clipped.from < clipped.to ? [clipped] : [];
  };
  const timeline = spans.flatMap((span) => during(span, span.to));
  const alive = spans.flatMap((span) =>
    during(span, Math.min(span.to, lifeOf(span.server_id, span.from)?.lastMs ?? span.to)),
  );
  if (unknown !== null) return { timeline, terms: null, none: null, several: null, unknown };
  // A leader that is resumed leads again in its term.
  const firstMs = new Map<number, number>();
  for (const { term, from } of spans) firstMs.set(term, Math.min(from, firstMs.get(term) ?? Infinity));
  const terms = [...firstMs.values()].filter((from) => from >= run.from && from <= run.to).length;
  const none = timesOf(timeline, run, (count) => count === 0);
  return { timeline, terms, none, several: timesOf(alive, run, (count) => count > 1), unknown: null };
}

/** Returns a lead of which other servers tell, and the leader's own file does not; null if there is none. */
export function untoldLead(
  events: readonly KeptEvent[],
  spans: readonly LeaderSpan[],
): { leaderId: number; term: number } | null {
  const told = new Set(spans.map(({ server_id: id, term }) => `${id} ${term}`));
  for (const event of events) {
    if (event.event !== 'leader') continue;
    const { leader_id: leaderId, term } = event;
    if (!told.has(`${leaderId} ${term}`)) return { leaderId, term };
  }
  return null;
}

/** Finds the span in which a server led at a given time. */
export function ledAt(spans: readonly LeaderSpan[], serverId: number, atMs: number): LeaderSpan | undefined {
  return spans.find((span) => span.server_id === serverId && span.from <= atMs && atMs <= span.to);
}

/** Returns the times of the run at which so many led at once. */
function timesOf(spans: readonly LeaderSpan[], run: Interval, isSo: (count: number) => boolean): Interval[] {
  const changes = spans.flatMap(({ from, to }) => [
    { time: from, by: 1 },
    { time: to, by: -1 },
  ]);
  const times: Interval[] = [];
  let count = 0;
  let from = run.from;
  for (const { time, by } of [...changes, { time: run.to, by: 0 }].sort((a, b) => a.time - b.time || a.by - b.by)) {
    if (time > from && isSo(count)) times.push({ from, to: time });
    count += by;
    from = time;
  }
  return times;
}

function turnOfEvent(event: KeptEvent): Turn[] {
  const { time, server_id: serverId } = event;
  switch (event.event) {
    case 'leader':
      if (event.leader_id === serverId) return [{ time, serverId, what: 'leads', term: event.term }];
      return [{ time, serverId, what: 'ends' }];
    case 'resumed':
      return [
        { time: time - event.late_ms, serverId, what: 'pauses' },
        { time, serverId, what: 'resumes' },
      ];
    case 'election':
    case 'stepped_down':
    case 'started':
    case 'stopped':
      return [{ time, serverId, what: 'ends' }];
    default:
      return [];
  }
}

/** A refused connection shows that a server is down, if it wrote nothing more in this life. */
function refusal(event: KeptEvent, lifeOf: LifeOf): Turn[] {
  if (event.event !== 'peer_down' || event.reason !== 'refused') return [];
  const life = lifeOf(event.peer_id, event.time);
  return life === undefined || life.lastMs >= event.time
    ? []
    : [{ time: event.time, serverId: event.peer_id, what: 'ends' }];
}

type LifeOf = (serverId: number, atMs: number) => ServerLife | undefined;

/** Returns a function that finds the life of a server at a time, fast for any number of them. */
function lifeFinder(lives: readonly ServerLife[]): LifeOf {
  const byServer = new Map<number, ServerLife[]>();
  for (const life of lives) {
    const known = byServer.get(life.serverId);
    if (known) known.push(life);
    else byServer.set(life.serverId, [life]);
  }
  const starts = new Map([...byServer].map(([id, own]) => [id, Float64Array.from(own, ({ fromMs }) => fromMs)]));
  return (id, atMs) => {
    const froms = starts.get(id);
    return froms && byServer.get(id)![countUpTo(froms, atMs) - 1];
  };
}

/** A terminated server remains leader until it reports otherwise. */
function turnsOfFault({ kind, serverId, startMs, healedMs }: FaultWindow): Turn[] {
  if (kind === 'kill') return [{ time: startMs, serverId, what: 'ends' }];
  if (kind !== 'pause') return [];
  const pauses: Turn = { time: startMs, serverId, what: 'pauses' };
  return healedMs === null ? [pauses] : [pauses, { time: healedMs, serverId, what: 'resumes' }];
}
