import { setTimeout as later } from 'node:timers/promises';

/** Resolves after so long, or as soon as the signal is aborted: that ends a wait and is no error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await later(ms, undefined, { signal }).catch(() => undefined);
}
