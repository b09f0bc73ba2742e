/** Checks in advance whether this machine can inject each kind of fault into its servers. */
import { type FaultKind, isOfNetwork } from '../../../core/fault-kinds';
import { reasonOf } from '../../refusal';
import type { LocalServer } from '../local-server';
import { firewall, mayAdministerNetwork, netemProblem } from './tools';
import { devicesOf, trafficOf } from './traffic';

/** Returns the reasons why kinds of faults are not possible at these servers of this machine. */
export async function unableTo(
  kinds: readonly FaultKind[],
  servers: readonly LocalServer[],
): Promise<Partial<Record<FaultKind, string>>> {
  const unable: Partial<Record<FaultKind, string>> = {};
  for (const kind of kinds) {
    const why = await whyNot(kind, servers);
    if (why !== null) unable[kind] = why;
  }
  return unable;
}

async function whyNot(kind: FaultKind, servers: readonly LocalServer[]): Promise<string | null> {
  if (!isOfNetwork(kind)) return null;
  if (!mayAdministerNetwork()) return 'it needs root, or the capability CAP_NET_ADMIN';
  if (kind === 'delay') return (await netemProblem()) ?? problemAt(servers, true);
  return (await firewall()) === null
    ? 'neither nft nor iptables works there (Debian: nftables)'
    : problemAt(servers, false);
}

async function problemAt(servers: readonly LocalServer[], needsDevices: boolean): Promise<string | null> {
  for (const server of servers) {
    try {
      const traffic = await trafficOf(server);
      if (needsDevices) await devicesOf(server, traffic);
    } catch (error) {
      return `Server ${server.id}: ${reasonOf(error)}`;
    }
  }
  return null;
}
