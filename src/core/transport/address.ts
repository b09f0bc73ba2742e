/** host:port, with IPv6 in brackets. */
import { ClusterError } from '../errors';

export interface Address {
  host: string;
  port: number;
}

/** Stands for an address that the kernel no longer knows: the socket was reset before its address was read. */
export const UNKNOWN_ADDRESS = 'unknown:0';

const MAX_PORT = 65_535;
const MAPPED_IPV4 = '::ffff:';

/** Parses `host:port` or `[v6]:port`; port 0 is for listening only. @throws ClusterError `bad_config` */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > MAX_PORT) {
    throw new ClusterError(
      'bad_config',
      `"${text.slice(0, 256)}" is not an address: expected host:port or [IPv6]:port`,
    );
  }
  return { host, port };
}

/** The inverse of `parseAddress`; an IPv4-mapped IPv6 address is shown as IPv4. */
export function formatAddress(host: string, port: number): string {
  const isMapped = host.startsWith(MAPPED_IPV4) && host.includes('.');
  const plain = isMapped ? host.slice(MAPPED_IPV4.length) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** Returns the host of an address made by `formatAddress`, IPv6 in its brackets. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
