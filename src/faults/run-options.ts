/** The options of a fault simulation. */
import type { FaultServer } from '../config/faults-config';
import type { FaultPattern } from '../config/fault-settings';
import type { Clock } from '../core/environment';
import type { FaultEvent } from '../core/metrics/record';
import type { ClusterViewModel } from './cluster-view-model';
import type { Driver } from './driver';
import type { Step } from './plan';

export interface RunFaultsOptions {
  plan: readonly Step[];
  /** The pattern of the plan, which the log names. */
  pattern: FaultPattern;
  driver: Driver;
  servers: readonly FaultServer[];
  /** True if the last running server may be taken down. */
  allowTotalOutage?: boolean;
  /** Takes one line of the log, without its time. */
  log(line: string): void;
  record(event: FaultEvent): void;
  /** Called whenever a server or the wait changes. */
  show(cluster: ClusterViewModel): void;
  clock: Clock;
  /** Resolves after the time, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Aborted by Ctrl-C: no more faults, and all active ones are healed. */
  signal: AbortSignal;
  /** Ends the plan like Ctrl-C; its reason is a text. */
  abort?: AbortSignal;
}
