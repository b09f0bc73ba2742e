/** The process's clock: monotonic milliseconds since its start, and Unix time anchored once, at the start. */
import { readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { bootId } from './boot-id';
import type { Clock, ClockLook } from '../environment';

/** A pair of clock readings further apart than this is taken again, up to this many times. */
const TIGHT_MS = 0.2;
const MAX_READINGS = 5;
/** The kernel reports uptime in hundredths of a second, truncated; `Date.now` reports whole milliseconds. */
const HALF_UPTIME_STEP_MS = 5;
const HALF_MS = 0.5;

/** The origin of `performance.now` on the monotonic clock that all processes of the machine share. */
const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
const machineStart = nameOfMachineStart();

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  unixMs: (atMonotonicMs = performance.now()) => performance.timeOrigin + atMonotonicMs,
  wallMs: () => Date.now(),
  after: (delayMs, act) => {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
  look: lookAtClocks,
};

/** The process may be preempted between two readings, so the closest of several pairs counts. */
function lookAtClocks(): ClockLook {
  let best = { spanMs: Infinity, atMs: 0, wallMs: 0, uptimeMs: 0 };
  for (let n = 0; n < MAX_READINGS && best.spanMs > TIGHT_MS; n++) {
    const beforeMs = performance.now();
    const wallMs = Date.now() + HALF_MS;
    const uptimeMs = uptime() * 1000 + HALF_UPTIME_STEP_MS;
    const afterMs = performance.now();
    const spanMs = afterMs - beforeMs;
    if (spanMs < best.spanMs) best = { spanMs, atMs: (beforeMs + afterMs) / 2, wallMs, uptimeMs };
  }
  const machineMs = originMs + best.atMs;
  return {
    unixMs: performance.timeOrigin + best.atMs,
    wallMs: best.wallMs,
    machineMs,
    suspendedMs: machineStart === null ? 0 : best.uptimeMs - machineMs,
    bootId: machineStart,
  };
}

/** Containers may count from a different origin (time namespaces) than the rest of the machine. */
function nameOfMachineStart(): string | null {
  const boot = bootId();
  if (boot === null) return null;
  try {
    return `${boot}/${/\d+/.exec(readlinkSync('/proc/self/ns/time'))![0]}`;
  } catch {
    return boot;
  }
}
