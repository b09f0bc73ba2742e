import type { FaultServer, ServerLocation } from '../../config/faults-config';

/** A server of this machine, with all that it takes to find, break and start it. */
export type LocalServer = FaultServer & ServerLocation;
