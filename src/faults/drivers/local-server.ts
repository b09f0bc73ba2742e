/** A server on this machine, with everything needed to find, affect and start it. */
import type { FaultServer } from '../../config/faults-config';
import type { ServerLocation } from '../../config/server-location';

export type LocalServer = FaultServer & ServerLocation;
