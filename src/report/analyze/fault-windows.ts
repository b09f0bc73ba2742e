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
  /** Its line that is missing in the file, if any: `healed` is the end of a heal that began. */
  missing: 'started' | 'done' | 'healed' | null;
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

/** The faults that these heal, if the line of the fault is lost: only one of several kinds. */
const HEALS: Partial<Record<FaultAction, FaultAction>> = { restart: 'kill', resume: 'pause', heal: 'partition' };

function orphanOf({ server_id: serverId, action, time }: FaultStep, startMs: number): FaultWindow {
  return { serverId, kind: HEALS[action]!, startMs, doneMs: startMs, healedMs: time, missing: 'started' };
}

/** Takes events in ascending order. One that began counts, unless it failed. */
export function faultWindows(events: readonly FaultStep[]): FaultWindow[] {
  const windows = new Set<FaultWindow>();
  /** Those that began and are not done, by server and action. */
  const begun = new Map<string, FaultWindow>();
  /** Heals that began and did not end, by server and action. */
  const begunHeals = new Map<string, number>();
  /** The time of the last `started`, by server and action. */
  const healStarts = new Map<string, number>();
  /** By server and the action that heals them. */
  const unhealed = new Map<string, FaultWindow[]>();
  const isOpen = (serverId: number): boolean =>
    Object.keys(HEALS).some((heal) => unhealed.get(`${serverId} ${heal}`)?.some((each) => windows.has(each)));
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
    const healing = unhealed.get(key) ?? [];
    const healsBegun = begunHeals.get(key) ?? 0;
    begunHeals.set(key, outcome === 'started' ? healsBegun + 1 : 0);
    for (const window of healing) {
      if (outcome === 'started') window.missing ??= 'healed';
      // Two that began and one that ended: the end of the other is missing.
      else if (healsBegun === 1 && window.missing === 'healed') window.missing = null;
    }
    if (outcome === 'done') {
      for (const window of healing) window.healedMs = time;
      unhealed.delete(key);
    }
    // A heal of nothing: of the fault only the end is known.
    const isOrphan = outcome === 'done' && HEALS[action] !== undefined && healing.length === 0 && !isOpen(serverId);
    if (isOrphan) windows.add(orphanOf(step, healStarts.get(key) ?? time));
    if (outcome === 'started') healStarts.set(key, time);
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

/** Returns the reason why what is known of a fault is incomplete; null if it is complete. */
export function missingLineOf({ missing }: FaultWindow): string | null {
  if (missing === null) return null;
  const line = missing === 'healed' ? 'the end of its heal' : `its line "${missing}"`;
  return `${line} is missing in the file of faults`;
}

/**
 * Selects the faults that may have been felt in this run: controllers append to the same file, one after the other. One
 * that was never healed may still last.
 */
export function faultsDuring(windows: readonly FaultWindow[], run: { from: number; to: number }): FaultWindow[] {
  const isOver = (healedMs: number | null): boolean => healedMs !== null && healedMs <= run.from;
  return windows.filter(({ startMs, healedMs }) => startMs <= run.to && (startMs >= run.from || !isOver(healedMs)));
}
