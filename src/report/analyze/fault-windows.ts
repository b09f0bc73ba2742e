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
  /** Its own line that is missing in the file, if any. */
  missing: 'started' | 'done' | null;
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

/** Takes events in ascending order. One that began counts, unless it failed. */
export function faultWindows(events: readonly FaultStep[]): FaultWindow[] {
  const windows = new Set<FaultWindow>();
  /** Those that began and are not done, by server and action. */
  const begun = new Map<string, FaultWindow>();
  /** By server and the action that heals them. */
  const unhealed = new Map<string, FaultWindow[]>();
  const begin = (step: FaultStep, missing: FaultWindow['missing']): FaultWindow => {
    const { server_id: serverId, time, detail } = step;
    // A graceful restart is a termination that is healed at once.
    const kind = detail === GRACEFUL_RESTART ? 'restart' : step.action;
    const window: FaultWindow = { serverId, kind, startMs: time, doneMs: time, healedMs: null, missing };
    windows.add(window);
    const key = `${serverId} ${HEALED_BY[kind]}`;
    const others = unhealed.get(key);
    if (others) others.push(window);
    else unhealed.set(key, [window]);
    return window;
  };
  for (const step of events) {
    const { server_id: serverId, action, outcome, time } = step;
    const key = `${serverId} ${action}`;
    if (outcome === 'done') {
      for (const window of unhealed.get(key) ?? []) window.healedMs = time;
      unhealed.delete(key);
    }
    if (action === 'restart' || HEALED_BY[action] === undefined) continue;
    const before = begun.get(key);
    if (outcome === 'started') {
      begun.set(key, begin(step, 'done'));
      continue;
    }
    begun.delete(key);
    if (outcome === 'failed') {
      if (before) windows.delete(before);
    } else if (before) {
      before.doneMs = time;
      before.missing = null;
    } else begin(step, 'started');
  }
  return [...windows].sort((a, b) => a.startMs - b.startMs);
}

/**
 * Selects the faults that may have been felt in this run: controllers append to the same file, one after the other. One
 * that was never healed may still last.
 */
export function faultsDuring(windows: readonly FaultWindow[], run: { from: number; to: number }): FaultWindow[] {
  const isOver = (healedMs: number | null): boolean => healedMs !== null && healedMs <= run.from;
  return windows.filter(({ startMs, healedMs }) => startMs <= run.to && (startMs >= run.from || !isOver(healedMs)));
}
