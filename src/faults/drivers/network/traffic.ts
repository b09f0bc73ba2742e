import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { canonicalHost, isLoopbackHost } from '../../../core/hosts';
import { parseAddress } from '../../../core/transport/address';
import { refused } from '../../refusal';
import type { LocalServer } from '../local-server';
import type { Endpoint, ServerTraffic } from './rules';
import { runTool } from './tools';

type Whereabouts = Pick<LocalServer, 'id' | 'address' | 'peers'>;

/**
 * What a server's packets look like on this machine.
 * @throws ClusterError when they cannot be told from others': everything is on the loopback or at one address
 */
export async function trafficOf({ id, address, peers }: Whereabouts): Promise<ServerTraffic> {
  const endpoints = (await Promise.all(peers.map(endpointsOf))).flat();
  const own = ownAddresses();
  const near = endpoints.find((peer) => isLoopbackHost(peer.address) || own.has(peer.address));
  if (near !== undefined) {
    const where = `its peer at port ${near.port} is on this same machine (${near.address})`;
    throw refused(`${where}, and their packets cannot be told apart: each server needs an address of its own`);
  }
  if (isLoopbackHost(address.host) && peers.length === 0)
    throw refused('it is alone on the loopback, which is left as it is');
  return { serverId: id, port: address.port, peers: endpoints };
}

/** The network interfaces on which its packets leave. @throws ClusterError when there is none */
export async function devicesOf({ address }: LocalServer, { peers }: ServerTraffic): Promise<string[]> {
  const routes = await Promise.all(
    [...new Set(peers.map((peer) => peer.address))].map((peer) => runTool('ip', ['-o', 'route', 'get', peer])),
  );
  const toOthers = await runTool('ip', ['-o', 'route', 'show', 'default']);
  const named = [...routes, toOthers].flatMap((text) => [...text.matchAll(/\bdev (\S+)/g)].map((match) => match[1]!));
  const bound = Object.entries(networkInterfaces()).flatMap(([device, infos]) =>
    infos?.some((info) => info.address === address.host) ? [device] : [],
  );
  const devices = [...new Set([...named, ...bound])].filter((device) => device !== 'lo');
  if (devices.length === 0) throw refused('no network interface leads to its peers or clients');
  return devices;
}

async function endpointsOf(peer: string): Promise<Endpoint[]> {
  const { host, port } = parseAddress(peer);
  // Packets to an IPv4 address in IPv6 clothes are IPv4's: a rule for the other form would match none.
  if (isIP(host)) return [{ address: canonicalHost(host), port }];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => ({ address, port }));
  } catch (error) {
    throw refused(`no address is known for its peer ${host}`, error);
  }
}

function ownAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address)));
}
