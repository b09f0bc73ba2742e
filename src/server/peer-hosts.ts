/** Keeps the resolved addresses of the peers' hosts, and reports all of them at the start and again on changes. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { addressOf } from '../core/transport/address';

/** A host that moves keeps its name: it is resolved again this often. */
const REFRESH_MS = 30_000;

/** Returns every address of a name. Rejects if it has none or cannot be resolved. */
export type Resolve = (host: string) => Promise<string[]>;

/**
 * Resolves one name after the other, without blocking. A name that cannot be resolved keeps its last known addresses.
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
    for (const [peerId, address] of addresses) this.hosts.set(peerId, addressOf(address).host);
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
