/** Faults in servers that are children of this process: without agents, except for pauses. */
import { NEVER } from '../core/environment';
import type { FaultKind } from '../core/fault-kinds';
import { formatAddress } from '../core/transport/address';
import type { Driver } from './driver';
import type { Launch } from './drivers/launch';
import { localDriver } from './drivers/local';
import type { LocalServer } from './drivers/local-server';
import { connectAgents, type ConnectOptions, type ServerAccess } from './link/agents';

/** Servers that are children of this process, and end together with it. */
export interface ChildServers {
  servers: readonly LocalServer[];
  launch: Launch;
}

/**
 * Injects faults from this process, except for pauses: a paused server would not notice the end of this process, so an
 * agent does these, and resumes the servers when this process is gone.
 * @throws ClusterError as `connectAgents` does
 */
export async function accessChildren(
  { servers, launch }: ChildServers,
  options: Omit<ConnectOptions, 'servers'>,
): Promise<ServerAccess> {
  const own = localDriver({ servers, launch });
  const access: ServerAccess = {
    driver: own,
    addresses: servers.map(({ address: { host, port } }) => formatAddress(host, port)),
    isSecure: servers.some(({ tls }) => tls !== null),
    warnings: [],
    lost: NEVER,
    end: () => Promise.resolve(),
  };
  if (!options.kinds.includes('pause')) return access;
  const { driver: agents, lost, end } = await connectAgents({ ...options, servers, kinds: ['pause'] });
  const driverFor = (kind: FaultKind): Driver => (kind === 'pause' ? agents : own);
  const driver: Driver = {
    ...own,
    inject: (id, process, fault, healWithinMs) => driverFor(fault.kind).inject(id, process, fault, healWithinMs),
    heal: (id, kind, process) => driverFor(kind).heal(id, kind, process),
  };
  return { ...access, driver, lost, end };
}
