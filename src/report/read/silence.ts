/** Finds servers that wrote nothing for the rest of a run: dead or hung without a fault, or with a file that was cut. */
import type { Inputs, ServerLife } from './inputs';
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
  return [...last.values()].filter(({ serverId, fromMs, lastMs, hasStopped }) => {
    if (hasStopped || !samples.has(serverId) || lastMs < run.from || lastMs > run.to - SILENT_MS) return false;
    // One that stopped an earlier life does not explain why this one is silent.
    const isStopped = ({ serverId: id, kind, startMs, healedMs }: Stop): boolean =>
      id === serverId &&
      STOPS.includes(kind) &&
      startMs >= fromMs &&
      startMs <= lastMs + SILENT_MS &&
      (healedMs ?? Infinity) > lastMs;
    return !faults.some(isStopped);
  });
}
