import { GRACEFUL_RESTART } from '../../core/fault-kinds';
import type { FaultAction } from '../../core/metrics/record';
import type { FaultStep } from '../read/inputs';

/** From a fault until it was mended. Unix milliseconds. */
export interface FaultWindow {
  serverId: number;
  kind: FaultAction;
  /** It was begun: nothing that it did is earlier. */
  startMs: number;
  /** It was there for certain: what began later met it. */
  doneMs: number;
  /** null: never mended. */
  mendedMs: number | null;
}

const MENDED_BY: Partial<Record<FaultAction, FaultAction>> = {
  kill: 'restart',
  terminate: 'restart',
  pause: 'resume',
  partition: 'heal',
  delay: 'heal',
  loss: 'heal',
  restart: 'restart',
};

/** Pairs faults with what mended them, by server. Events in ascending time; only what was done counts. */
export function faultWindows(events: readonly FaultStep[]): FaultWindow[] {
  const windows: FaultWindow[] = [];
  const begun = new Map<string, number>();
  for (const { server_id: serverId, action, outcome, time, detail } of events) {
    const key = `${serverId} ${action}`;
    if (outcome === 'started') begun.set(key, time);
    if (outcome === 'failed') begun.delete(key);
    if (outcome !== 'done') continue;
    for (const window of windows) {
      const isMended = window.serverId === serverId && window.mendedMs === null && MENDED_BY[window.kind] === action;
      if (isMended) window.mendedMs = time;
    }
    if (action === 'restart' || MENDED_BY[action] === undefined) continue;
    // A graceful restart is a termination that is mended at once.
    const kind = detail === GRACEFUL_RESTART ? 'restart' : action;
    windows.push({ serverId, kind, startMs: begun.get(key) ?? time, doneMs: time, mendedMs: null });
    begun.delete(key);
  }
  return windows.sort((a, b) => a.startMs - b.startMs);
}

/** The faults of this run: a file of faults is appended to by one controller after the other. */
export function faultsDuring(windows: readonly FaultWindow[], run: { from: number; to: number }): FaultWindow[] {
  return windows.filter(
    ({ startMs, mendedMs }) => startMs <= run.to && (startMs >= run.from || (mendedMs ?? 0) > run.from),
  );
}
