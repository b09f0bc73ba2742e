/** The interface through which faults are injected and healed, on servers of this machine or of others. */
import type { PartitionFrom } from '../config/fault-settings';
import type { FaultKind } from '../core/fault-kinds';
import type { StatusFields } from '../core/protocol';

/** The process of a server, identified by more than its pid, which may be reused. */
export interface ServerProcess {
  pid: number;
  /** The start according to the kernel; no clock step changes it. */
  kernelStart: string;
  /** Its user: it is started again as the same one. */
  uid: number;
  gid: number;
}

export type Fault =
  | { kind: 'kill' | 'terminate' | 'pause' | 'restart' }
  | { kind: 'partition'; from: PartitionFrom }
  /** Delays the packets that the server's machine sends, by ± `jitterMs`. */
  | { kind: 'delay'; delayMs: number; jitterMs: number }
  /** Drops a share of the packets to the server. */
  | { kind: 'loss'; lossPercent: number };

/** A server as it was found. */
export interface Found extends ServerProcess {
  /** True for a process that is stopped by a signal. */
  isPaused: boolean;
}

/** The operations on servers, which are named by id. A refusal or failure is a ClusterError with the reason. */
export interface Driver {
  /** Returns null if the server is not running. @throws ClusterError if the process cannot be identified as this server */
  find(serverId: number): Promise<Found | null>;
  /** Returns its view of the cluster; null without an answer. */
  status(serverId: number): Promise<StatusFields | null>;
  /**
   * Injects a fault, and resolves when it is active. Even if the caller dies, the fault is healed `healWithinMs` later if
   * the driver can do that.
   * @returns a warning; null if there is none
   * @throws ClusterError, also if the process was replaced. Then no fault is active, unless the process has ended or rules
   * in its network could not be removed.
   */
  inject(serverId: number, process: ServerProcess, fault: Fault, healWithinMs: number): Promise<string | null>;
  /**
   * Heals a fault, and resolves when the server is back: a process that ended is started and listens.
   * @param process the affected one; a paused process that has ended is started again, as after a kill
   * @throws ClusterError if it does not come back in time
   */
  heal(serverId: number, kind: FaultKind, process: ServerProcess): Promise<ServerProcess>;
}
