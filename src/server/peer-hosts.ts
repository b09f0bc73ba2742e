import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseAddress } from '../core/transport/network';

/** A host that moves keeps its name: as often as this it is asked where it is. */
const REFRESH_MS = 30_000;

/** Every address of a name. Rejects if it has none, or nobody knows. */
export type Resolve = (host: string) => Promise<string[]>;

/**
 * Keeps what the hosts of the peers' addresses resolve to. It tells all of it at the start and again when it changes, one
 * name after the other and never waited for. A name that cannot be resolved now keeps what it was last known to be.
 */
export class PeerHosts {
  private readonly hosts = new Map<number, string>();
  private readonly told = new Map<number, string>();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    addresses: ReadonlyMap<number, string>,
    private readonly tell: (peerId: number, hosts: string[]) => void,
    private readonly resolve: Resolve = resolveAll,
  ) {
    for (const [peerId, address] of addresses) this.hosts.set(peerId, parseAddress(address).host);
  }

  start(): void {
    for (const [peerId, host] of this.hosts) if (isIP(host) !== 0) this.tell(peerId, [host]);
    void this.refresh();
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private async refresh(): Promise<void> {
    const names = [...this.hosts].filter(([, host]) => isIP(host) === 0);
    for (const [peerId, host] of names) {
      const found = await this.resolve(host).catch(() => null);
      if (this.isStopped) return;
      if (found !== null) this.note(peerId, found);
    }
    if (names.length > 0) this.timer = setTimeout(() => void this.refresh(), REFRESH_MS).unref();
  }

  private note(peerId: number, hosts: string[]): void {
    const text = hosts.toSorted().join();
    if (this.told.get(peerId) === text) return;
    this.told.set(peerId, text);
    this.tell(peerId, hosts);
  }
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
