/**
 * Finds servers that ended or fell silent without a fault that explains it: crashed, hung, killed by hand, or with a file
 * that was cut.
 */

import type { Inputs, KeptEvent, ServerLife } from './inputs';
import type { Interval } from '../report';

/** A server writes a sample every second. */
export const SILENT_MS = 2500;

/** A fault that keeps its server from writing, from its start until it was healed. Unix milliseconds. */
interface Stop {
  serverId: number;
  kind: string;
  startMs: number;
  healedMs: number | null;
}

const STOPS = ['kill', 'terminate', 'restart', 'pause'];

/** Returns the last lives of these servers; a server that never wrote a sample may be silent for long. */
export function silencesOf(
  { lives, samples }: Pick<Inputs, 'lives' | 'samples'>,
  run: Interval,
  faults: readonly Stop[],
): ServerLife[] {
  const last = new Map(lives.map((life) => [life.serverId, life]));
  return [...last.values()].filter((life) => {
    const { serverId, lastMs, hasStopped } = life;
    if (hasStopped || !samples.has(serverId) || lastMs < run.from || lastMs > run.to - SILENT_MS) return false;
    return !isExplained(life, faults);
  });
}

/** Returns the lives that began during a run, although no fault had ended the one before and it had not stopped. */
export function restartsOf({ lives }: Pick<Inputs, 'lives'>, run: Interval, faults: readonly Stop[]): ServerLife[] {
  const before = new Map<number, ServerLife>();
  return lives.filter((life) => {
    const earlier = before.get(life.serverId);
    before.set(life.serverId, life);
    if (earlier === undefined || earlier.hasStopped || life.fromMs < run.from || life.fromMs > run.to) return false;
    return !isExplained(earlier, faults);
  });
}

/** Returns true if a peer noticed at once that the server was gone: then its file was not cut. */
export function isSeenToEnd({ serverId, lastMs }: ServerLife, events: readonly KeptEvent[]): boolean {
  return events.some(
    (event) =>
      event.event === 'peer_down' &&
      event.peer_id === serverId &&
      event.reason === 'refused' &&
      Math.abs(event.time - lastMs) <= SILENT_MS,
  );
}

/** A fault that stopped an earlier life does not explain why this one ended. */
function isExplained({ serverId, fromMs, lastMs }: ServerLife, faults: readonly Stop[]): boolean {
  return faults.some(
    ({ serverId: id, kind, startMs, healedMs }) =>
      id === serverId &&
      STOPS.includes(kind) &&
      startMs >= fromMs &&
      startMs <= lastMs + SILENT_MS &&
      (healedMs ?? Infinity) > lastMs,
  );
}
