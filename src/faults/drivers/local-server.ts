import type { FaultServer, ServerLocation } from '../../config/faults-config';

/** A server on this machine, with everything needed to find, affect and start it. */
export type LocalServer = FaultServer & ServerLocation;
