import type { FaultKind } from '../core/fault-kinds';

/** What is known of a server: it runs, it does not, how it is broken, or something else is in its place. */
export type ServerState = 'up' | 'down' | 'paused' | 'partitioned' | 'delayed' | 'lossy' | 'unknown';

export interface ServerView {
  id: number;
  state: ServerState;
  /** Done to it, or being done, and not mended. */
  fault: FaultKind | null;
}

/** The ring at a moment. */
export interface RingView {
  servers: readonly ServerView[];
  /** What is waited for, and until when (on the monotonic clock). `mending`: "restart", at these servers. */
  wait?: { untilMs: number; mending?: string; serverIds?: readonly number[] };
}

/** `1 up · 2 DOWN, restart in 7s · 3 up`, or `1 up · 2 up · 3 up · next in 21s` */
export function ringText({ servers, wait }: RingView, nowMs: number): string {
  const secs = `${Math.max(0, Math.ceil(((wait?.untilMs ?? 0) - nowMs) / 1000))}s`;
  const parts = servers.map(({ id, state }) => {
    const mending = wait?.serverIds?.includes(id) ? `, ${wait.mending} in ${secs}` : '';
    return `${id} ${shown(state)}${mending}`;
  });
  const next = wait !== undefined && wait.mending === undefined ? [`next in ${secs}`] : [];
  return [...parts, ...next].join(' · ');
}

function shown(state: ServerState): string {
  if (state === 'up') return state;
  return state === 'unknown' ? '?' : state.toUpperCase();
}
