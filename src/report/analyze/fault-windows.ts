/** Pairs faults with the actions that healed them, by server. */
import { GRACEFUL_RESTART } from '../../core/fault-kinds';
import type { FaultAction } from '../../core/metrics/record';
import type { FaultStep } from '../read/inputs';

/** A fault and the time until it was healed. Unix milliseconds. */
export interface FaultWindow {
  serverId: number;
  kind: FaultAction;
  /** The start of the injection: no effect is earlier. */
  startMs: number;
  /** The end of the injection: requests started later were affected. */
  doneMs: number;
  /** null if it was never healed. */
  healedMs: number | null;
}

const HEALED_BY: Partial<Record<FaultAction, FaultAction>> = {
  kill: 'restart',
  terminate: 'restart',
  pause: 'resume',
  partition: 'heal',
  delay: 'heal',
  loss: 'heal',
  restart: 'restart',
};

/** Takes events in ascending order; only completed ones count. */
export function faultWindows(events: readonly FaultStep[]): FaultWindow[] {
  const windows: FaultWindow[] = [];
  const begun = new Map<string, number>();
  /** By server and the action that heals them. */
  const unhealed = new Map<string, FaultWindow[]>();
  for (const { server_id: serverId, action, outcome, time, detail } of events) {
    const key = `${serverId} ${action}`;
    if (outcome === 'started') begun.set(key, time);
    if (outcome === 'failed') begun.delete(key);
    if (outcome !== 'done') continue;
    for (const window of unhealed.get(key) ?? []) window.healedMs = time;
    unhealed.delete(key);
    if (action === 'restart' || HEALED_BY[action] === undefined) continue;
    // A graceful restart is a termination that is healed at once.
    const kind = detail === GRACEFUL_RESTART ? 'restart' : action;
    const window: FaultWindow = { serverId, kind, startMs: begun.get(key) ?? time, doneMs: time, healedMs: null };
    windows.push(window);
    const healingKey = `${serverId} ${HEALED_BY[kind]}`;
    const others = unhealed.get(healingKey);
    if (others) others.push(window);
    else unhealed.set(healingKey, [window]);
    begun.delete(key);
  }
  return windows.sort((a, b) => a.startMs - b.startMs);
}

/** Selects the faults of this run: controllers append to the same file, one after the other. */
export function faultsDuring(windows: readonly FaultWindow[], run: { from: number; to: number }): FaultWindow[] {
  return windows.filter(
    ({ startMs, healedMs }) => startMs <= run.to && (startMs >= run.from || (healedMs ?? 0) > run.from),
  );
}
