/** What can happen to a server; `restart` is graceful, and over when the server is back. */
export const FAULT_KINDS = ['kill', 'terminate', 'pause', 'partition', 'delay', 'loss', 'restart'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The detail of a fault event `terminate` whose server is started again at once: the kind `restart`. */
export const GRACEFUL_RESTART = 'graceful restart';

/** Whether a server with this fault serves nobody, or cannot be relied on to. */
export function takesDown(kind: FaultKind): boolean {
  return kind !== 'delay' && kind !== 'loss';
}
