/** The words for each kind of fault in the log and the events. */
import type { FaultPattern } from '../config/fault-settings';
import type { FaultKind } from '../core/fault-kinds';
import type { FaultAction } from '../core/metrics/record';

export interface FaultLabels {
  /** "Attempting to kill Server 1" */
  toBreak: string;
  /** "SUCCESS: Killed Server 1" */
  broken: string;
  /** "Server 1 is now DOWN" */
  state: string;
  /** "Attempting to restart Server 1" */
  toHeal: string;
  /** "before restarting Server 1" */
  healing: string;
  /** "SUCCESS: Restarted Server 1" */
  healed: string;
  /** The actions of the events. */
  action: FaultAction;
  healAction: FaultAction;
}

const RESTART = { toHeal: 'restart', healing: 'restarting', healed: 'Restarted', healAction: 'restart' } as const;
const RESUME = { toHeal: 'resume', healing: 'resuming', healed: 'Resumed', healAction: 'resume' } as const;
const HEAL = { toHeal: 'heal', healing: 'healing', healed: 'Healed', healAction: 'heal' } as const;

export const FAULT_LABELS: Record<FaultKind, FaultLabels> = {
  kill: { toBreak: 'kill', broken: 'Killed', state: 'DOWN', action: 'kill', ...RESTART },
  terminate: { toBreak: 'terminate', broken: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
  pause: { toBreak: 'pause', broken: 'Paused', state: 'PAUSED', action: 'pause', ...RESUME },
  partition: { toBreak: 'partition', broken: 'Partitioned', state: 'PARTITIONED', action: 'partition', ...HEAL },
  delay: { toBreak: 'delay', broken: 'Delayed', state: 'DELAYED', action: 'delay', ...HEAL },
  loss: { toBreak: 'drop packets of', broken: 'Dropping packets of', state: 'LOSSY', action: 'loss', ...HEAL },
  restart: { toBreak: 'terminate', broken: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
};

/** The name of a pattern in the banner. */
export const TITLES: Record<FaultPattern, string> = {
  ring: 'Ring Algorithm',
  random: 'Random Order',
  simultaneous: 'Simultaneous Failures',
  rolling: 'Rolling Order',
};
