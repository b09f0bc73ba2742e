/** The state of the links between servers by the faults that were injected, and the groups that they leave connected. */
import { faultTimes, isAbsent, type CheckedFault, type History, type Interval } from './history';

const LINK_FAULTS: readonly string[] = ['partition', 'delay', 'loss'];

/** A link fault, and whether it is certain: it is not while it is injected or healed, or after either failed. */
interface LinkFault extends CheckedFault {
  isCertain: boolean;
}

/**
 * Live servers that hear each other, directly or through one another, over links without any fault, while nothing
 * changes for them.
 */
export interface Group extends Interval {
  ids: readonly number[];
  /** The servers of the group, and all others that may still exchange messages with it: over a slow link, one way. */
  reach: readonly number[];
  /** False while links may look silent at random: loss, delay beside a cut, a link of unknown state. */
  isSteady: boolean;
  /** The faults and heals at `fromMs`. */
  since: readonly CheckedFault[];
}

/** Returns true if a link fault affects the link between two servers. */
export function affects(fault: CheckedFault, a: number, b: number): boolean {
  if (!LINK_FAULTS.includes(fault.action)) return false;
  const touches = (id: number, peerId: number): boolean =>
    fault.server_id === id && (fault.peers === undefined || fault.peers.includes(peerId));
  return touches(a, b) || touches(b, a);
}

/** Returns true if a fault or heal may have changed the link between two servers, or stopped one of them. */
export function concerns(fault: CheckedFault, a: number, b: number): boolean {
  if (LINK_FAULTS.includes(fault.action)) return affects(fault, a, b);
  return fault.server_id === a || fault.server_id === b;
}

/** Returns true if no link fault is active between two servers. */
export function isClean(history: History, a: number, b: number, atMs: number): boolean {
  return !linkFaults(history, atMs).some((fault) => affects(fault, a, b));
}

/** Returns the intervals in which the link between two servers was, or may have been, affected by a fault. */
export function linkTroubles(history: History, a: number, b: number): Interval[] {
  const times = [...new Set(faultTimes(history))].sort((x, y) => x - y);
  return times.flatMap((fromMs, index) =>
    isClean(history, a, b, fromMs) ? [] : [{ fromMs, toMs: times[index + 1] ?? Infinity }],
  );
}

/** Returns the link faults at `atMs`, with those of uncertain state. */
export function linkFaults(history: History, atMs: number): LinkFault[] {
  let faults: LinkFault[] = [];
  for (const event of history.faults) {
    if (event.time > atMs) break;
    const isSame = (each: LinkFault): boolean => each.server_id === event.server_id;
    if (event.action === 'heal') {
      if (event.outcome === 'done') faults = faults.filter((each) => !isSame(each));
      else faults = faults.map((each) => (isSame(each) ? { ...each, isCertain: false } : each));
    } else if (LINK_FAULTS.includes(event.action) && event.outcome !== 'failed') {
      const isDone = event.outcome === 'done';
      faults = faults.filter((each) => !isDone || each.isCertain || !isSame(each) || each.action !== event.action);
      faults.push({ ...event, isCertain: isDone });
    }
  }
  return faults;
}

/** Returns the groups of all times, each for as long as no fault or heal touches what it can reach. */
export function groups(history: History): Group[] {
  const found: Group[] = [];
  let open = new Map<string, Group>();
  const times = [...new Set([history.startMs, ...faultTimes(history)])].sort((a, b) => a - b);
  for (const fromMs of times.filter((each) => each < history.endMs)) {
    const since = history.faults.filter((fault) => fault.time === fromMs && fault.outcome !== 'failed');
    const now = new Map<string, Group>();
    for (const group of groupsAt(history, fromMs, since)) {
      const key = `${group.ids.join()} ${group.reach.join()}`;
      const before = open.get(key);
      const isTouched = since.some(
        ({ server_id, outcome }) => outcome === 'started' || group.reach.includes(server_id),
      );
      if (before && !isTouched) open.delete(key);
      now.set(key, before && !isTouched ? before : group);
    }
    for (const group of open.values()) found.push({ ...group, toMs: fromMs });
    open = now;
  }
  return [...found, ...open.values()].sort((a, b) => a.fromMs - b.fromMs);
}

function groupsAt(history: History, atMs: number, since: readonly CheckedFault[]): Group[] {
  const faults = linkFaults(history, atMs);
  const live = history.serverIds.filter((id) => !isAbsent(history, id, atMs));
  const of = (a: number, b: number): LinkFault[] => faults.filter((fault) => affects(fault, a, b));
  const isCut = (a: number, b: number): boolean =>
    of(a, b).some(({ action, isOneWay, isCertain }) => action === 'partition' && isCertain && isOneWay !== true);
  const reaches = components(live, (a, b) => !isCut(a, b));
  return components(live, (a, b) => of(a, b).length === 0).map((ids) => {
    const reach = reaches.find((each) => each.includes(ids[0]!))!;
    const inside = reach.flatMap((a) => reach.flatMap((b) => (a < b ? of(a, b) : [])));
    const kinds = new Set(inside.map(({ action }) => action));
    const looksSilent = kinds.has('loss') || (kinds.has('delay') && kinds.has('partition'));
    const isSteady = !looksSilent && inside.every(({ isCertain }) => isCertain);
    return { ids, reach, isSteady, since, fromMs: atMs, toMs: history.endMs };
  });
}

/** Returns the connected components of a graph. */
function components(ids: readonly number[], isJoined: (a: number, b: number) => boolean): number[][] {
  const rest = new Set(ids);
  const found: number[][] = [];
  for (const first of ids) {
    if (!rest.delete(first)) continue;
    const component = [first];
    for (const id of component) {
      for (const other of [...rest]) {
        if (!isJoined(id, other)) continue;
        rest.delete(other);
        component.push(other);
      }
    }
    found.push(component.sort((a, b) => a - b));
  }
  return found;
}
