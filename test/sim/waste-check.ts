import {
  activeFaults,
  doneFaults,
  taskOf,
  type CheckedFault,
  type History,
  type Interval,
} from '../../src/check/history';
import type { ServerEvent } from '../../src/core/metrics/record';
import { ruleResult, type RuleResult } from '../../src/core/rule-result';
import type { World } from './world';

type Assigned = Extract<ServerEvent, { event: 'assigned' }>;

/** After this long without a report of an assignment its server gets nothing new. */
const UNREPORTED_MS = 1000;
/** Faults that ended this long ago have no effect: a kernel has repeated what was lost. */
const RECENT_MS = 3000;
/** The shortest steady back-off, and how many retries may come before it is reached. */
const BACKOFF_MS = 125;
const FIRST_RETRIES = 6;
/** A server that failed is tried again after this long. */
const EXCLUSION_MS = 1000;

/** Checks that nothing is done in vain: assignments that cannot be of use, and retries without a pause. */
export function checkWaste(world: World): RuleResult {
  const history = world.history();
  const slackMs = 10 + 20 * world.options.baseDelayMs;
  return ruleResult('waste', [
    ...assignedUnready(history),
    ...assignedSilent(history, slackMs),
    // A question that waits behind a large body may arrive after the end.
    ...(world.options.images.some((bytes) => bytes > 0) ? [] : assignedEnded(history, world.corrupted, slackMs)),
    ...retriedTooOften(history),
  ]);
}

/** Finds assignments to servers that do not take tasks, by what the leader itself has written down before. */
function assignedUnready({ servers }: History): string[] {
  const phases = new Map<number, string>();
  const known = new Map<string, string>();
  const problems: string[] = [];
  for (const event of servers) {
    const { server_id: id, time } = event;
    if (event.event === 'started') {
      phases.set(id, 'starting');
      for (const pair of known.keys()) if (pair.split(' ').includes(String(id))) known.delete(pair);
    } else if (event.event === 'ready') phases.set(id, 'ready');
    else if (event.event === 'stopping') phases.set(id, 'leaving');
    else if (event.event === 'peer_up' && phases.get(event.peer_id) === 'starting') {
      known.set(`${id} ${event.peer_id}`, 'starting');
    } else if (event.event === 'peer_down') {
      known.set(`${id} ${event.peer_id}`, event.reason === 'leaving' ? 'leaving' : 'down');
    } else if (event.event === 'assigned') {
      const phase = phases.get(event.to);
      const isKnown = event.to === id || known.get(`${id} ${event.to}`) === phase;
      if (phase !== 'ready' && isKnown) {
        problems.push(`server ${id} assigned a task to ${event.to}, which is ${phase}, at ${time.toFixed(1)}`);
      }
    }
  }
  return problems;
}

/**
 * Finds assignments to a server that stands still, a second after one that it did not report: the leader, which takes
 * tasks itself, always has a better choice.
 */
function assignedSilent(history: History, slackMs: number): string[] {
  return pauses(history).flatMap(({ id, fromMs, toMs }) => {
    const since = { fromMs: fromMs - RECENT_MS, toMs };
    if (touched(history, id, since).some(({ action }) => action !== 'pause')) return [];
    const given = assignments(history).filter(
      (each) => each.to === id && each.time > fromMs + slackMs && each.time < toMs,
    );
    return given
      .filter((late) => {
        const first = given.find(({ server_id }) => server_id === late.server_id)!;
        if (late.time <= first.time + UNREPORTED_MS + slackMs) return false;
        return isReady(history, late.server_id, late.time) && touched(history, late.server_id, since).length === 0;
      })
      .map(({ server_id, time }) => `server ${server_id} assigned a task to the silent ${id} at ${time.toFixed(1)}`);
  });
}

/** Finds assignments of tasks that were over for everybody: their server had told the leader, and their client knew. */
function assignedEnded(history: History, corrupted: ReadonlySet<number>, slackMs: number): string[] {
  const ends = new Map(history.requests.map((each) => [taskOf(each), each.success ? endMs(each) : Infinity]));
  const executed = history.servers.filter((each) => each.event === 'executed' && each.outcome === 'answered');
  const answers = new Map(executed.map((each) => [taskOf(each as Assigned), each]));
  return assignments(history)
    .filter((event) => {
      const answer = answers.get(taskOf(event));
      if (answer === undefined || corrupted.has(answer.server_id)) return false;
      if (event.time <= Math.max(answer.time, ends.get(taskOf(event)) ?? Infinity) + slackMs) return false;
      const since = { fromMs: answer.time - RECENT_MS, toMs: event.time };
      // A leader does not know why a task left another server: it takes over all tasks of one that is down.
      const isTakenOver = ({ event: name, server_id, time }: ServerEvent): boolean =>
        name === 'peer_down' && server_id === event.server_id && time === event.time;
      if (history.servers.some(isTakenOver)) return false;
      // Its client may have excluded the server that had it.
      if (event.to !== answer.server_id && mayHoldUp(history, event.time)) return false;
      return [event.server_id, answer.server_id].every(
        (id) => touched(history, id, since).length === 0 && isReady(history, id, since.fromMs),
      );
    })
    .map((event) => `server ${event.server_id} assigned ${taskOf(event)} at ${event.time.toFixed(1)}, which had ended`);
}

/** Returns true if a link may just have delivered what a client asked another server long before, which passed it on. */
function mayHoldUp(history: History, atMs: number): boolean {
  return doneFaults(history).some(({ action, time }) => action === 'heal' && time > atMs - RECENT_MS && time <= atMs);
}

/** Finds requests that were retried without back-off. */
function retriedTooOften({ requests, serverIds }: History): string[] {
  return requests.flatMap((record) => {
    const { latency_ms: ms, retry_count: count } = record;
    const most = FIRST_RETRIES + ms / BACKOFF_MS + serverIds.length * (1 + ms / EXCLUSION_MS);
    return count <= most ? [] : [`${taskOf(record)} was retried ${count} times in ${ms.toFixed(0)} ms`];
  });
}

function assignments({ servers }: History): Assigned[] {
  return servers.filter((event) => event.event === 'assigned');
}

function endMs({ start_time, latency_ms }: History['requests'][number]): number {
  return start_time + latency_ms;
}

/** Returns the faults of a server, or of its links, that may have had an effect in a time. */
function touched(history: History, id: number, { fromMs, toMs }: Interval): CheckedFault[] {
  const isOwn = ({ server_id, peers }: CheckedFault): boolean => server_id === id || peers?.includes(id) === true;
  const during = doneFaults(history).filter(({ time }) => fromMs <= time && time < toMs);
  return [...activeFaults(history, fromMs), ...during].filter(isOwn);
}

function isReady({ servers }: History, id: number, atMs: number): boolean {
  const own = servers.filter(
    ({ server_id, time, event }) =>
      server_id === id && time <= atMs && ['started', 'ready', 'stopping'].includes(event),
  );
  return own.at(-1)?.event === 'ready';
}

function pauses(history: History): (Interval & { id: number })[] {
  return doneFaults(history).flatMap(({ action, server_id: id, time: fromMs }) => {
    if (action !== 'pause') return [];
    const end = doneFaults(history).find((fault) => fault.server_id === id && fault.time > fromMs);
    return [{ id, fromMs, toMs: end?.time ?? history.endMs }];
  });
}
