import type { ClockLook } from '../../core/environment';

/** The current state of a machine's clocks. */
export interface MachineNow {
  bootId: string;
  /** The time of its start, by its current wall clock. */
  startMs: number;
  /** The same as for its files. */
  offsetMs: number;
}

/** Returns null if the machine cannot be identified. */
export function thisMachine(look: ClockLook | undefined): MachineNow | null {
  if (look === undefined || look.bootId === null) return null;
  return { bootId: look.bootId, startMs: look.wallMs - look.machineMs - look.suspendedMs, offsetMs: 0 };
}
