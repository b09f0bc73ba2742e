/**
 * Compares a machine's wall clock with the anchored clock by which a process records, and reports both at the first
 * look and whenever they have drifted apart since the last report. Pure.
 */
import type { ClockLook } from '../environment';
import { toMicros } from '../to-micros';
import type { ClockNote } from './record';

/** Clocks that differ by less count as equal: readings are no more exact on a busy machine. */
export const SAME_CLOCK_MS = 25;

export class ClockWatch {
  private toldAheadMs: number | undefined;

  /** Returns null if there is nothing new. */
  look(now: ClockLook): ({ time: number } & ClockNote) | null {
    const aheadMs = now.wallMs - now.unixMs;
    const byMs = this.toldAheadMs === undefined ? null : aheadMs - this.toldAheadMs;
    if (byMs !== null && Math.abs(byMs) < SAME_CLOCK_MS) return null;
    this.toldAheadMs = aheadMs;
    return {
      time: toMicros(now.unixMs),
      by_ms: byMs === null ? null : toMicros(byMs),
      ahead_ms: toMicros(aheadMs),
      machine_ms: toMicros(now.machineMs),
      suspended_ms: toMicros(now.suspendedMs),
      boot_id: now.bootId,
    };
  }
}

/** Returns the message of a note for people; null for the first note of a process, and for a drift below 100 ms. */
export function clockText({ by_ms: byMs, ahead_ms: aheadMs }: ClockNote): string | null {
  if (byMs === null || Math.abs(byMs) < 100) return null;
  const side = byMs > 0 ? 'forward' : 'back';
  const ahead = `${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the times in the files`;
  return `The wall clock went ${side} by ${(Math.abs(byMs) / 1000).toFixed(1)} s: it is ${ahead}, which the report corrects`;
}
