import type { ClockLook } from '../../core/environment';

/** What a machine's clocks say now. */
export interface MachineNow {
  bootId: string;
  /** When it was started, by its wall clock. */
  startMs: number;
  /** As with its files. */
  offsetMs: number;
}

/** null: it cannot be known again. */
export function thisMachine(look: ClockLook | undefined): MachineNow | null {
  if (look === undefined || look.bootId === null) return null;
  return { bootId: look.bootId, startMs: look.wallMs - look.machineMs - look.suspendedMs, offsetMs: 0 };
}
