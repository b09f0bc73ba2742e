import { type Answer, askOne } from '../core/ask-status';
import type { Secure } from '../core/transport/network';

/** Asks all at once; one answer for each address, in their order. Never rejects but for a text that is no address. */
export function askAll(
  addresses: readonly string[],
  timeoutMs: number,
  stop?: AbortSignal,
  secure?: Secure,
): Promise<Answer[]> {
  return Promise.all(addresses.map((address) => askOne(address, timeoutMs, stop, secure)));
}
