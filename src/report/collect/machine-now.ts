/**
 * Identifies this machine and its boot time by its clock now, to detect that the clock was set after a file was
 * written.
 */
import type { ClockLook } from '../../core/environment';

/** The current state of a machine's clocks. */
export interface MachineNow {
  bootId: string;
  /** The time at which it booted, by its current wall clock. Unix milliseconds. */
  startMs: number;
  /** The milliseconds by which its clock is ahead of this machine's; the same as for its files. */
  offsetMs: number;
}

/** Returns null if the machine cannot be identified. */
export function thisMachine(look: ClockLook | undefined): MachineNow | null {
  if (look === undefined || look.bootId === null) return null;
  return { bootId: look.bootId, startMs: look.wallMs - look.machineMs - look.suspendedMs, offsetMs: 0 };
}
