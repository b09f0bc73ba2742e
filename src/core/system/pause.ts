/** A wait that an abort signal ends early. */
import { setTimeout as later } from 'node:timers/promises';

/** Resolves after `ms`, or as soon as the signal is aborted, which is not an error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await later(ms, undefined, { signal }).catch(() => undefined);
}
