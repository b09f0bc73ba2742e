import type { FaultPattern } from '../config/faults-spec';
import type { FaultKind } from '../core/fault-kinds';
import type { FaultAction } from '../core/metrics/record';

/** What the log says of a kind of fault. */
export interface KindWords {
  /** "Attempting to kill Server 1" */
  toBreak: string;
  /** "SUCCESS: Killed Server 1" */
  broken: string;
  /** "Server 1 is now DOWN" */
  state: string;
  /** "Attempting to restart Server 1" */
  toMend: string;
  /** "before restarting Server 1" */
  mending: string;
  /** "SUCCESS: Restarted Server 1" */
  mended: string;
  /** Of the events. */
  action: FaultAction;
  mendAction: FaultAction;
}

const RESTART = { toMend: 'restart', mending: 'restarting', mended: 'Restarted', mendAction: 'restart' } as const;
const RESUME = { toMend: 'resume', mending: 'resuming', mended: 'Resumed', mendAction: 'resume' } as const;
const HEAL = { toMend: 'heal', mending: 'healing', mended: 'Healed', mendAction: 'heal' } as const;

export const WORDS: Record<FaultKind, KindWords> = {
  kill: { toBreak: 'kill', broken: 'Killed', state: 'DOWN', action: 'kill', ...RESTART },
  terminate: { toBreak: 'terminate', broken: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
  pause: { toBreak: 'pause', broken: 'Paused', state: 'PAUSED', action: 'pause', ...RESUME },
  partition: { toBreak: 'partition', broken: 'Partitioned', state: 'PARTITIONED', action: 'partition', ...HEAL },
  delay: { toBreak: 'delay', broken: 'Delayed', state: 'DELAYED', action: 'delay', ...HEAL },
  loss: { toBreak: 'drop packets of', broken: 'Dropping packets of', state: 'LOSSY', action: 'loss', ...HEAL },
  restart: { toBreak: 'terminate', broken: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
};

/** What the banner calls a pattern. */
export const TITLES: Record<FaultPattern, string> = {
  ring: 'Ring Algorithm',
  random: 'Random Order',
  simultaneous: 'Simultaneous Failures',
  rolling: 'Rolling Order',
};
