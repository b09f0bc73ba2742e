import type { Clock } from './environment';

/** The process's clock: monotonic milliseconds since its start, and unix time anchored once, at the start. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  unixMs: (atMonotonicMs = performance.now()) => performance.timeOrigin + atMonotonicMs,
};
