import type { FaultServer } from '../config/faults-config';

/** The process of a server, identified beyond its number, which another process may have by now. */
export interface ServerProcess {
  pid: number;
  /** Unix milliseconds. */
  startMs: number;
}

/** What can be done to servers, wherever they run. What is refused or fails is a ClusterError that says why. */
export interface Driver {
  /** Null when it does not run. @throws ClusterError when what runs there cannot be told to be this server */
  find(server: FaultServer): Promise<ServerProcess | null>;
  /** Kills it (SIGKILL), and waits until it is gone. @throws ClusterError also when it is another process by now */
  kill(server: FaultServer, process: ServerProcess): Promise<void>;
  /** Starts it, and waits until it listens. @throws ClusterError when it does not within a bound */
  start(server: FaultServer): Promise<ServerProcess>;
}
