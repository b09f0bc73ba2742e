/** What is known of a server: it runs, it does not, or something else is in its place. */
export type ServerState = 'up' | 'down' | 'unknown';

/** The ring at a moment. */
export interface RingView {
  servers: readonly { id: number; state: ServerState }[];
  /** What is waited for, and until when (on the monotonic clock). */
  wait?: { untilMs: number; restartOf?: number };
}

const STATE: Record<ServerState, string> = { up: 'up', down: 'DOWN', unknown: '?' };

/** `1 up · 2 DOWN, restart in 7s · 3 up`, or `1 up · 2 up · 3 up · next in 21s` */
export function ringText({ servers, wait }: RingView, nowMs: number): string {
  const secs = `${Math.max(0, Math.ceil(((wait?.untilMs ?? 0) - nowMs) / 1000))}s`;
  const parts = servers.map(({ id, state }) => {
    const restart = wait?.restartOf === id ? `, restart in ${secs}` : '';
    return `${id} ${STATE[state]}${restart}`;
  });
  const next = wait !== undefined && wait.restartOf === undefined ? [`next in ${secs}`] : [];
  return [...parts, ...next].join(' · ');
}
