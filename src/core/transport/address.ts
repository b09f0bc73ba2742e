/** host:port, with IPv6 in brackets. */
import { ClusterError } from '../errors';

export interface Address {
  host: string;
  port: number;
}

/** Stands for an address that the kernel does not know any more: the socket was reset before anybody asked for it. */
export const UNKNOWN_ADDRESS = 'unknown:0';

const MAX_PORT = 65_535;
const MAPPED_IPV4 = '::ffff:';

/** `host:port` or `[v6]:port`; port 0 is for listening only. Throws ClusterError `bad_config`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > MAX_PORT) {
    throw new ClusterError('bad_config', `"${text.slice(0, 256)}" is no address: expected host:port or [IPv6]:port`);
  }
  return { host, port };
}

/** The inverse of `parseAddress`; an IPv4 address in IPv6 clothes is shown as IPv4. */
export function formatAddress(host: string, port: number): string {
  const isMapped = host.startsWith(MAPPED_IPV4) && host.includes('.');
  const plain = isMapped ? host.slice(MAPPED_IPV4.length) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** The host of an address that `formatAddress` made: IPv6 in its brackets. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
