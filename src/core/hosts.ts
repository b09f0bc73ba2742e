/** What the text of a host says by itself, without asking a resolver. An IPv6 host stands here without its brackets. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * One spelling for hosts that are the same to a resolver: `LocalHost` and `localhost`, `::0` and `::`,
 * `::ffff:10.0.0.1` and `10.0.0.1`. A zone stays.
 */
export function canonicalHost(host: string): string {
  if (!isIPv6(host)) return host.toLowerCase();
  const [bare = host, zone] = host.split('%');
  const compressed = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  return zone === undefined ? (mappedIPv4(compressed) ?? compressed) : `${compressed}%${zone}`;
}

/** Whether it stands for every address of this machine. */
export function isWildcardHost(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === '0.0.0.0' || canonical === '::';
}

/** Whether only this machine reaches what listens there. */
export function isLoopbackHost(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === 'localhost' || canonical === '::1' || (isIPv4(canonical) && canonical.startsWith('127.'));
}

/**
 * Returns one text for every spelling of an address from which a connection comes, with brackets or without; and one for all
 * loopback addresses, for whoever is dialed at one of them is on this machine and may call from any other.
 */
export function machineOf(host: string): string {
  const [bare = host] = canonicalHost(host.replace(/^\[|\]$/g, '')).split('%');
  return isLoopbackHost(bare) ? 'loopback' : bare;
}

/** The IPv4 address in IPv6 clothes: a socket there speaks IPv4. */
function mappedIPv4(compressed: string): string | undefined {
  const halves = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(compressed)?.slice(1);
  return halves
    ?.map((half) => parseInt(half, 16))
    .flatMap((half) => [half >> 8, half & 255])
    .join('.');
}
