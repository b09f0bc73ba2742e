import type { Random } from '../core/environment';
import { SlowServers } from './slow-servers';

/** How long a server that failed or was late is not chosen, and how long a client goes without asking after one miss. */
const EXCLUSION_MS = 1000;
const DIRECT_MS = 1000;

interface ServerView {
  address: string;
  id: number | null;
  excludedUntilMs: number;
  /** It was excluded because it had too much to do: it is there. */
  isBusy: boolean;
  outstanding: number;
}

/** What one client believes of the cluster, from its own experience and of slow servers from that of its program. Pure. */
export class ClusterView {
  leaderAddress: string | null = null;
  leaderId: number | null = null;
  term = 0;
  /** Until then tasks are sent without asking for an assignment. */
  directUntilMs = -Infinity;
  private readonly servers = new Map<string, ServerView>();

  constructor(
    addresses: readonly string[],
    private readonly random: Random,
    private readonly slow = new SlowServers(),
  ) {
    for (const address of addresses) this.server(address);
  }

  learn(address: string, id: number): void {
    this.server(address).id = id;
  }

  idOf(address: string): number | null {
    return this.server(address).id;
  }

  addressOf(id: number): string | null {
    for (const server of this.servers.values()) if (server.id === id) return server.address;
    return null;
  }

  /** The server failed, was late or did not answer: others first for a while. */
  exclude(address: string, nowMs: number, isBusy = false): void {
    const server = this.server(address);
    server.excludedUntilMs = nowMs + EXCLUSION_MS;
    server.isBusy = isBusy;
    if (this.leaderAddress === address) this.leaderAddress = null;
  }

  /** A task there takes longer than it may. */
  late(address: string, nowMs: number): void {
    this.exclude(address, nowMs);
    this.slow.late(address, nowMs);
  }

  /** It is avoided by all clients of this program. */
  isSlow(address: string, nowMs: number): boolean {
    return this.slow.isAvoided(address, nowMs);
  }

  onTime(address: string): void {
    this.slow.onTime(address);
  }

  goDirect(nowMs: number): void {
    this.directUntilMs = nowMs + DIRECT_MS;
  }

  isExcluded(address: string, nowMs: number): boolean {
    return !this.isGood(this.server(address), nowMs);
  }

  /** Ids of the servers that an assignment must avoid; empty when that would leave nobody. */
  excludedIds(nowMs: number): number[] {
    const excluded = [...this.servers.values()].filter((server) => !this.isGood(server, nowMs));
    if (excluded.length === this.servers.size) return [];
    return excluded.flatMap((server) => (server.id === null ? [] : [server.id]));
  }

  /** Whether some server is not excluded, or there at least: then a failure is answered by trying another at once. */
  hasAlternative(nowMs: number): boolean {
    return [...this.servers.values()].some((server) => server.isBusy || this.isGood(server, nowMs));
  }

  /** Whom to ask for an assignment: the leader if known, else anybody who did not just fail. */
  askAddress(nowMs: number): string {
    if (this.leaderAddress !== null && !this.isExcluded(this.leaderAddress, nowMs)) return this.leaderAddress;
    return this.pickOne(this.choices(nowMs, [])).address;
  }

  /** Without a leader: of two random servers the one that this client itself has fewer tasks at. */
  directAddress(nowMs: number, not: readonly string[] = []): string {
    const choices = this.choices(nowMs, not);
    const first = this.pickOne(choices);
    const rest = choices.filter((server) => server !== first);
    if (rest.length === 0) return first.address;
    const second = this.pickOne(rest);
    return (second.outstanding < first.outstanding ? second : first).address;
  }

  /** Servers that are neither excluded nor in `not`. */
  freshAddresses(nowMs: number, not: readonly string[]): string[] {
    return [...this.servers.values()]
      .filter((server) => this.isGood(server, nowMs) && !not.includes(server.address))
      .map((server) => server.address);
  }

  sent(address: string, nowMs: number): void {
    this.server(address).outstanding += 1;
    this.slow.sent(address, nowMs);
  }

  ended(address: string): void {
    this.server(address).outstanding -= 1;
  }

  /** Exclusions that leave nobody are ignored: whoever was only busy comes first, those that are gone last. */
  private choices(nowMs: number, not: readonly string[]): ServerView[] {
    const all = [...this.servers.values()].filter((server) => !not.includes(server.address));
    const pool = all.length > 0 ? all : [...this.servers.values()];
    const good = pool.filter((server) => this.isGood(server, nowMs));
    if (good.length > 0) return good;
    const busy = pool.filter((server) => server.isBusy);
    return busy.length > 0 ? busy : pool;
  }

  private isGood({ address, excludedUntilMs }: ServerView, nowMs: number): boolean {
    return excludedUntilMs <= nowMs && !this.isSlow(address, nowMs);
  }

  private pickOne(servers: readonly ServerView[]): ServerView {
    return servers[Math.floor(this.random() * servers.length)]!;
  }

  private server(address: string): ServerView {
    let server = this.servers.get(address);
    if (!server) {
      server = { address, id: null, excludedUntilMs: -Infinity, isBusy: false, outstanding: 0 };
      this.servers.set(address, server);
    }
    return server;
  }
}
