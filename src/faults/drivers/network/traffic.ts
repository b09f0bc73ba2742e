/** Finds the addresses and network interfaces of a server's packets, so that rules affect no others. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressOf } from '../../../core/transport/address';
import { canonicalHost, isLoopbackHost } from '../../../core/transport/hosts';
import { refused } from '../../refusal';
import type { LocalServer } from '../local-server';
import type { Endpoint, ServerTraffic } from './rules.pure';
import { runTool } from './tools';

type Whereabouts = Pick<LocalServer, 'id' | 'address' | 'peers'>;

/**
 * Returns the endpoints of a server's packets on this machine.
 * @throws ClusterError if they cannot be distinguished: everything is on loopback or at one address
 */
export async function trafficOf({ id, address, peers }: Whereabouts): Promise<ServerTraffic> {
  const endpoints = (await Promise.all(peers.map(endpointsOf))).flat();
  const own = ownAddresses();
  const near = endpoints.find((peer) => isLoopbackHost(peer.address) || own.has(peer.address));
  if (near !== undefined) {
    const where = `its peer at port ${near.port} is on this same machine (${near.address})`;
    throw refused(`${where}, so their packets cannot be distinguished: each server needs its own address`);
  }
  if (isLoopbackHost(address.host) && peers.length === 0)
    throw refused('it runs alone on loopback, where no rules are set');
  return { serverId: id, port: address.port, peers: endpoints };
}

/** Returns the network interfaces of its outgoing packets. @throws ClusterError if there is none */
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
  const { host, port } = addressOf(peer);
  // Packets to an IPv4-mapped IPv6 address are IPv4 packets: a rule for the IPv6 form would match none.
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
