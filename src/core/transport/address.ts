/** Parses, formats and compares addresses: texts of the form host:port, with IPv6 in brackets. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { ClusterError } from '../errors';
import { canonicalHost, isLoopbackHost, isWildcardHost } from './hosts';

/** A host and a port. An IPv6 host has no brackets here. */
export interface Address {
  host: string;
  port: number;
}

/** The expected shape of an address, for error messages. */
export const ADDRESS_SHAPE = 'HOST:PORT or [IPV6]:PORT with a port from 1 to 65535';

/** Stands for an address that the kernel no longer knows: the socket was reset before its address was read. */
export const UNKNOWN_ADDRESS = 'unknown:0';

const MAX_HOST_CHARS = 253;
const MAPPED_IPV4 = '::ffff:';

/** Parses `host:port` or `[v6]:port`; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65535) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return plain !== undefined && isHostName(plain) ? { host: plain, port } : undefined;
}

/** Parses a text that the caller knows to be an address. @throws ClusterError `bad_config` if it is not */
export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw new ClusterError('bad_config', `"${text.slice(0, 256)}" is not an address: expected ${ADDRESS_SHAPE}`);
  }
  return address;
}

/** Formats an address; an IPv4-mapped IPv6 host, as a socket reports it, is shown as IPv4. */
export function formatAddress(host: string, port: number): string {
  const mapped = host.slice(MAPPED_IPV4.length);
  const plain = host.startsWith(MAPPED_IPV4) && isIPv4(mapped) ? mapped : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** Returns the host of an address made by `formatAddress`, IPv6 in its brackets. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/** True for an address that a server can listen on. */
export function isListenAddress(value: unknown): value is string {
  return typeof value === 'string' && parseAddress(value) !== undefined;
}

/** True for an address that others can connect to: all of `isListenAddress` but 0.0.0.0 and [::]. */
export function isDialAddress(value: unknown): value is string {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  return address !== undefined && !isWildcardHost(address.host);
}

/** Returns one spelling for addresses that a resolver treats as equal, see `canonicalHost`. */
export function canonicalAddress(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) return text;
  return formatAddress(canonicalHost(address.host), address.port);
}

/**
 * True if a server that listens on `own` would reach itself at `other`. Compares texts only: a host name that
 * resolves to this machine is not recognized.
 */
export function isSameEndpoint(own: string, other: string): boolean {
  if (canonicalAddress(own) === canonicalAddress(other)) return true;
  const listening = parseAddress(own);
  const dialed = parseAddress(other);
  if (listening === undefined || dialed === undefined || listening.port !== dialed.port) return false;
  return isWildcardHost(listening.host) && isLoopbackHost(dialed.host);
}

/** True for an address that is reachable from this machine only. */
export function isLoopbackAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && isLoopbackHost(address.host);
}

/** Underscores are invalid in DNS names but common in container networks. */
function isHostName(text: string): boolean {
  if (text.length > MAX_HOST_CHARS) return false;
  if (!text.split('.').every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))) return false;
  // A last label of digits means an IPv4 address, so that 10.0.0.256 is an error and not a name to look up.
  return isIP(text) === 4 || !/(^|\.)\d+$/.test(text);
}
