import type { PartitionFrom } from '../config/faults-spec';
import type { FaultKind } from '../core/fault-kinds';
import type { StatusFields } from '../core/protocol';

/** The process of a server, identified beyond its number, which another process may have by now. */
export interface ServerProcess {
  pid: number;
  /** When the kernel says that it started; no clock step changes it. */
  kernelStart: string;
  /** Whose it is: it is started again as the same user. */
  uid: number;
  gid: number;
}

/** What is done to a server. */
export type Fault =
  | { kind: 'kill' | 'terminate' | 'pause' | 'restart' }
  | { kind: 'partition'; from: PartitionFrom }
  /** Of what the server's machine sends; `jitterMs` more or less. */
  | { kind: 'delay'; delayMs: number; jitterMs: number }
  /** Of the packets that reach it. */
  | { kind: 'loss'; lossPercent: number };

/** What is known of a server before it is touched. */
export interface Found extends ServerProcess {
  /** Stopped by a signal: it is there, but does nothing. */
  isStopped: boolean;
}

/**
 * What can be done to servers, wherever they run; servers are named by id. What is refused or fails is a ClusterError
 * that says why.
 */
export interface Driver {
  /** Null when it does not run. @throws ClusterError when what runs there cannot be told to be this server */
  find(serverId: number): Promise<Found | null>;
  /** What it says of the cluster; null: no answer. */
  status(serverId: number): Promise<StatusFields | null>;
  /**
   * Breaks it, and resolves when it is broken. Whatever becomes of the caller, the fault is mended `healWithinMs` later
   * where the driver can see to that.
   * @returns what was not as it should be; null: nothing
   * @throws ClusterError also when it is another process by now. Then nothing is broken, unless its process has ended, or
   * rules in its network could not be removed again.
   */
  break(serverId: number, process: ServerProcess, fault: Fault, healWithinMs: number): Promise<string | null>;
  /**
   * Undoes a fault, and resolves when the server is back: a process that ended is started and listens.
   * @param process the one that was broken; a paused one that has ended is started again, as after a kill
   * @throws ClusterError when it does not come back within a bound
   */
  mend(serverId: number, kind: FaultKind, process: ServerProcess): Promise<ServerProcess>;
}
