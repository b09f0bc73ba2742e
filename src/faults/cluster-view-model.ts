/** The view of the cluster during a fault simulation, and its text on the status line of a terminal. */
import type { FaultKind } from '../core/fault-kinds';

/** The state of a server: up, down, its fault, or `unknown` if another process has its place. */
export type ServerState = 'up' | 'down' | 'paused' | 'partitioned' | 'delayed' | 'lossy' | 'unknown';

/** A server as the status line shows it. */
export interface ServerLine {
  id: number;
  state: ServerState;
  /** Its fault that is injected or being injected, and not healed; null if there is none. */
  fault: FaultKind | null;
}

export interface ClusterViewModel {
  servers: readonly ServerLine[];
  /** The current wait and its end (on the monotonic clock). `healing`: the pending heal ("restart") of these servers. */
  wait?: { untilMs: number; healing?: string; serverIds?: readonly number[] };
}

/** Renders `1 up · 2 DOWN, restart in 7s · 3 up`, or `1 up · 2 up · 3 up · next in 21s`. */
export function clusterText({ servers, wait }: ClusterViewModel, nowMs: number): string {
  const secs = `${Math.max(0, Math.ceil(((wait?.untilMs ?? 0) - nowMs) / 1000))}s`;
  const parts = servers.map(({ id, state }) => {
    const healing = wait?.serverIds?.includes(id) ? `, ${wait.healing} in ${secs}` : '';
    return `${id} ${shown(state)}${healing}`;
  });
  const next = wait !== undefined && wait.healing === undefined ? [`next in ${secs}`] : [];
  return [...parts, ...next].join(' · ');
}

function shown(state: ServerState): string {
  if (state === 'up') return state;
  return state === 'unknown' ? '?' : state.toUpperCase();
}
