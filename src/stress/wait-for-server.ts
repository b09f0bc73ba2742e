/** Waits before a run until a server answers. */
import { askOne } from '../core/transport/ask-status';
import { ClusterError } from '../core/errors';
import { pause } from '../core/system/pause';
import type { Secure } from '../core/transport/network';

/** Limits one attempt of the many within `waitMs`. */
const ANSWER_TIMEOUT_MS = 1000;
/** The load begins at most this much later than it could. */
const AGAIN_MS = 100;

/**
 * Asks all servers repeatedly until one answers; also resolves when `signal` is aborted.
 * @throws ClusterError `not_reachable` naming the addresses if none has answered after `waitMs`
 */
export async function waitForServer(
  addresses: readonly string[],
  waitMs: number,
  signal: AbortSignal,
  secure?: Secure,
): Promise<void> {
  const problems = new Map<string, string>();
  const late = AbortSignal.timeout(Math.ceil(waitMs));
  const found = new AbortController();
  const stop = AbortSignal.any([signal, late, found.signal]);
  const ask = async (address: string): Promise<void> => {
    while (!stop.aborted) {
      const answer = await askOne(address, ANSWER_TIMEOUT_MS, stop, secure);
      if ('status' in answer) return found.abort();
      if (answer.isTls) problems.set(address, `${address}: ${answer.failure}`);
      await pause(AGAIN_MS, stop);
    }
  };
  await Promise.all(addresses.map(ask));
  if (found.signal.aborted || signal.aborted) return;
  const text = `no server answered within ${waitMs / 1000} s: ${addresses.map((address) => problems.get(address) ?? address).join(', ')}`;
  throw new ClusterError('not_reachable', text);
}
