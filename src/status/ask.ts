/** Asks all servers of a cluster for their status. */
import { type Answer, askOne } from '../core/transport/ask-status';
import type { Secure } from '../core/transport/network';

/** Asks all servers at once; returns one answer per address, in their order. Rejects only if an address is not one. */
export function askAll(
  addresses: readonly string[],
  timeoutMs: number,
  stop?: AbortSignal,
  secure?: Secure,
): Promise<Answer[]> {
  return Promise.all(addresses.map((address) => askOne(address, timeoutMs, stop, secure)));
}
