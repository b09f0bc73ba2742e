/** The kinds of fault that can be injected, and the effect of each on its server. */

/** `restart` is graceful and ends when the server is back. */
export const FAULT_KINDS = ['kill', 'terminate', 'pause', 'partition', 'delay', 'loss', 'restart'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The detail of a `terminate` fault event whose server is started again at once: the kind `restart`. */
export const GRACEFUL_RESTART = 'graceful restart';

/** TCP hardly gets through at 50 % packet loss. */
const DOWN_LOSS_PERCENT = 50;

/** Returns true if a server with this fault serves no requests, or cannot be relied on to. */
export function takesDown({ kind, lossPercent = 0 }: { kind: FaultKind; lossPercent?: number }): boolean {
  return kind === 'loss' ? lossPercent >= DOWN_LOSS_PERCENT : kind !== 'delay';
}

/** Returns true if the fault ends the server's process, and starting it heals the fault. */
export function isHealedByStart(kind: FaultKind): boolean {
  return kind === 'kill' || kind === 'terminate' || kind === 'restart';
}

/** Returns true if the fault is injected by network rules on the server's machine. */
export function isOfNetwork(kind: FaultKind): boolean {
  return kind === 'partition' || kind === 'delay' || kind === 'loss';
}
