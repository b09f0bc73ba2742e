import type { FaultAction } from '../core/metrics/record';

/** One thing to do to one server, after a wait that begins when the action before it has ended. */
export interface PlannedAction {
  delayMs: number;
  /** Counts from 1. */
  cycle: number;
  serverId: number;
  action: Extract<FaultAction, 'kill' | 'restart'>;
}

export interface RingSpec {
  cycles: number;
  /** How long a server stays down. */
  restartDelayMs: number;
  /** From the restart of one to the kill of the next. */
  intervalMs: number;
}

/** One server after the other, in the order given, `cycles` times; each is restarted before the next one is killed. */
export function planRing(serverIds: readonly number[], spec: RingSpec): PlannedAction[] {
  const { cycles, restartDelayMs, intervalMs } = spec;
  const plan = Array.from({ length: cycles }, (_, index) =>
    serverIds.flatMap((serverId): PlannedAction[] => [
      { delayMs: intervalMs, cycle: index + 1, serverId, action: 'kill' },
      { delayMs: restartDelayMs, cycle: index + 1, serverId, action: 'restart' },
    ]),
  ).flat();
  if (plan[0] !== undefined) plan[0].delayMs = 0;
  return plan;
}

/** When each action begins, in milliseconds from the start, were the actions themselves to take no time. */
export function timetable(plan: readonly PlannedAction[]): (PlannedAction & { atMs: number })[] {
  let atMs = 0;
  return plan.map((action) => ({ ...action, atMs: (atMs += action.delayMs) }));
}
