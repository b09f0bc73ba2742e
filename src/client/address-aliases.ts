/** Maps the numeric addresses under which the configured servers may report themselves to the configured ones. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { addressOf, formatAddress } from '../core/transport/address';

/** Returns all addresses of a host name. */
export type Resolve = (host: string) => Promise<string[]>;

const RESOLVE_TIMEOUT_MS = 1000;

/**
 * Keeps one server from being two to a client: if it is configured as `server1:8001` and reports `10.0.0.1:8001`, the
 * second copy of a late task could otherwise go to the very server that is late. Names that cannot be resolved within a
 * second are left out; numeric addresses need no entry.
 */
export async function resolveAddressAliases(
  addresses: readonly string[],
  resolve: Resolve = systemResolve,
): Promise<ReadonlyMap<string, string>> {
  const aliases = new Map<string, string>();
  const own = new Set(addresses);
  await Promise.all(
    addresses.map(async (address) => {
      const { host, port } = addressOf(address);
      if (isIP(host) !== 0) return;
      for (const ip of await resolve(host).catch(() => [])) {
        const alias = formatAddress(ip, port);
        if (!own.has(alias) && !aliases.has(alias)) aliases.set(alias, address);
      }
    }),
  );
  return aliases;
}

async function systemResolve(host: string): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no address for ${host} yet`)), RESOLVE_TIMEOUT_MS);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}
