/** Compares hosts by their text alone, without a resolver. IPv6 hosts are written here without brackets. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * Returns one spelling for hosts that a resolver treats alike: `LocalHost` and `localhost`, `::0` and `::`,
 * `::ffff:10.0.0.1` and `10.0.0.1`. A zone is kept.
 */
export function canonicalHost(host: string): string {
  if (!isIPv6(host)) return host.toLowerCase();
  const [bare = host, zone] = host.split('%');
  const compressed = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  return zone === undefined ? (mappedIPv4(compressed) ?? compressed) : `${compressed}%${zone}`;
}

/** Returns true for a host that stands for every address of this machine. */
export function isWildcardHost(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === '0.0.0.0' || canonical === '::';
}

/** Returns true for a host that can be reached from this machine only. */
export function isLoopbackHost(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === 'localhost' || canonical === '::1' || (isIPv4(canonical) && canonical.startsWith('127.'));
}

/**
 * Returns one text for every spelling of a remote address, with or without brackets, and one text for all loopback
 * addresses, because a peer that is dialed at one of them is on this machine and may call from any other.
 */
export function machineOf(host: string): string {
  const [bare = host] = canonicalHost(host.replace(/^\[|\]$/g, '')).split('%');
  return isLoopbackHost(bare) ? 'loopback' : bare;
}

/** Returns the IPv4 address of an IPv4-mapped IPv6 address; a socket there speaks IPv4. */
function mappedIPv4(compressed: string): string | undefined {
  const halves = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(compressed)?.slice(1);
  return halves
    ?.map((half) => parseInt(half, 16))
    .flatMap((half) => [half >> 8, half & 255])
    .join('.');
}
