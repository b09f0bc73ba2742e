/** Decides which addresses a client dials that are not in its configuration, but reported by a server. */
import { isIP, isIPv4 } from 'node:net';
import { isLoopbackAddress, parseAddress } from '../core/transport/address';
import { canonicalHost, isLoopbackHost, isWildcardHost } from '../core/transport/hosts';
import type { ExpectedServer } from './introduction';

/** Most reported addresses remembered: no cluster has more servers that are not configured. */
const MAX_REPORTED = 64;

/**
 * A program at a configured address, or in its place, could name any: the user's other machines, someone else's, a
 * different one each time.
 */
export class ReportedAddresses {
  private readonly reported = new Map<string, ExpectedServer>();
  private readonly configured: ReadonlySet<string>;
  private readonly isLocal: boolean;

  constructor(configured: readonly string[]) {
    this.configured = new Set(configured);
    this.isLocal = configured.some(isLoopbackAddress);
  }

  /** Returns true if this client would dial an address with the id that a server reported for it (null: none). */
  admits(address: string, id: number | null, leaderId: number | null): boolean {
    if (this.configured.has(address)) return true;
    if (id === null) return false;
    if (!this.reported.has(address) && (this.reported.size >= MAX_REPORTED || !this.isDialable(address))) return false;
    this.reported.set(address, { id, leaderId });
    return true;
  }

  /** Returns the server that must have answered there before anything else is sent; undefined: it is configured. */
  expectedAt(address: string): ExpectedServer | undefined {
    return this.reported.get(address);
  }

  private isDialable(text: string): boolean {
    const host = parseAddress(text)?.host;
    if (host === undefined || isWildcardHost(host)) return false;
    // A remote server's loopback is not this machine.
    if (isLoopbackHost(host)) return this.isLocal;
    return isIP(host) === 0 || isUnicast(canonicalHost(host));
  }
}

/** Excludes multicast, broadcast, and addresses that are reserved or mean "this network". */
function isUnicast(host: string): boolean {
  if (!isIPv4(host)) return !/^ff/i.test(host);
  const first = Number(host.split('.', 1)[0]);
  return first > 0 && first < 224;
}
