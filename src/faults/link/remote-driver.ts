/** The fault driver for servers that are reached through the agents of their hosts. */
import type { Driver } from '../driver';
import type { HostLink } from './host-link';

/** Returns the driver of all servers of these hosts. */
export function remoteDriver(links: readonly HostLink[]): Driver {
  const byServer = new Map(links.flatMap((link) => link.servers.map(({ id }) => [id, link] as const)));
  const linkTo = (id: number): HostLink => byServer.get(id)!;
  return {
    find: (server) => linkTo(server).ask('find', { server }),
    status: (server) => linkTo(server).ask('status', { server }),
    inject: (server, process, fault, healWithinMs) =>
      linkTo(server).ask('inject', { server, process, fault, healWithinMs }),
    heal: (server, kind, process) => linkTo(server).ask('heal', { server, kind, process }),
  };
}
