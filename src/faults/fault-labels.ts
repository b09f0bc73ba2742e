/** The words for each kind of fault in the log and the events. */
import type { FaultPattern } from '../config/fault-settings';
import type { FaultKind } from '../core/fault-kinds';
import type { FaultAction } from '../core/metrics/record';

export interface FaultLabels {
  /** "Attempting to kill Server 1" */
  toInject: string;
  /** "SUCCESS: Killed Server 1" */
  injected: string;
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
  kill: { toInject: 'kill', injected: 'Killed', state: 'DOWN', action: 'kill', ...RESTART },
  terminate: { toInject: 'terminate', injected: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
  pause: { toInject: 'pause', injected: 'Paused', state: 'PAUSED', action: 'pause', ...RESUME },
  partition: { toInject: 'partition', injected: 'Partitioned', state: 'PARTITIONED', action: 'partition', ...HEAL },
  delay: { toInject: 'delay', injected: 'Delayed', state: 'DELAYED', action: 'delay', ...HEAL },
  loss: { toInject: 'drop packets of', injected: 'Dropping packets of', state: 'LOSSY', action: 'loss', ...HEAL },
  restart: { toInject: 'terminate', injected: 'Terminated', state: 'DOWN', action: 'terminate', ...RESTART },
};

/** The name of a pattern in the banner and the log. */
export const TITLES: Record<FaultPattern, string> = {
  ring: 'Ring Algorithm',
  random: 'Random Order',
  simultaneous: 'Simultaneous Failures',
  rolling: 'Rolling Order',
};
