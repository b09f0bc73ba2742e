/** What can happen to a server; `restart` is graceful, and over when the server is back. */
export const FAULT_KINDS = ['kill', 'terminate', 'pause', 'partition', 'delay', 'loss', 'restart'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The detail of a fault event `terminate` whose server is started again at once: the kind `restart`. */
export const GRACEFUL_RESTART = 'graceful restart';

/** TCP hardly comes through where every second packet is lost. */
const DOWN_LOSS_PERCENT = 50;

/** Whether a server with this fault serves nobody, or cannot be relied on to. */
export function takesDown({ kind, lossPercent = 0 }: { kind: FaultKind; lossPercent?: number }): boolean {
  return kind === 'loss' ? lossPercent >= DOWN_LOSS_PERCENT : kind !== 'delay';
}

/** Whether the server's process is gone, and comes back by being started. */
export function isMendedByStart(kind: FaultKind): boolean {
  return kind === 'kill' || kind === 'terminate' || kind === 'restart';
}

/** Whether it is done with rules in the network of the server's machine. */
export function isOfNetwork(kind: FaultKind): boolean {
  return kind === 'partition' || kind === 'delay' || kind === 'loss';
}
