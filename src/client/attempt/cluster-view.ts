/** One client's view of the cluster, from its own experience, and of slow servers from that of its program. Pure. */
import type { Random } from '../../core/environment';
import { SlowServers } from './slow-servers';

/** The time that a failed or late server is not chosen, and that a client sends without asking after one miss. */
const EXCLUSION_MS = 1000;
const DIRECT_MS = 1000;

interface ServerView {
  /** All addresses under which it is known; the first is used. */
  addresses: string[];
  id: number | null;
  excludedUntilMs: number;
  /** It was excluded because it was overloaded: it is running. */
  isBusy: boolean;
}

export class ClusterView {
  leaderAddress: string | null = null;
  leaderId: number | null = null;
  term = 0;
  /** Until then tasks are sent without asking for an assignment. */
  directUntilMs = -Infinity;
  /** Servers by each of their addresses, the configured ones first. */
  private readonly servers = new Map<string, ServerView>();
  /** Addresses that are configured or where a server has proved its identity; others are used on redirection only. */
  private readonly proven = new Set<string>();
  /** The number of unfinished tasks by the address that they were sent to, whichever server is known there later. */
  private readonly outstanding = new Map<string, number>();

  constructor(
    addresses: readonly string[],
    private readonly random: Random,
    private readonly slow = new SlowServers(),
  ) {
    for (const address of addresses) this.prove(address);
  }

  /** A server answers at this address. */
  prove(address: string): void {
    this.server(address);
    this.proven.add(address);
  }

  /**
   * The server at this address has this id. Clients and peers may know a server by different addresses
   * (`localhost:8001`, `server1:8001`): they count as one, or the second copy of a late task could go to the very
   * server that is late.
   */
  learn(address: string, id: number): void {
    let server = this.server(address);
    if (server.id === id) return;
    // Another server is here now, or several in turn: the other addresses belong to the old one.
    if (server.addresses.length > 1) server = this.separate(server, address);
    server.id = id;
    const same = this.all().find((each) => each !== server && each.id === id);
    if (same !== undefined) this.join(same, server);
  }

  /** Returns the address by which to reach this server: the configured one, unless that failed. */
  usedAddress(address: string): string {
    return this.server(address).addresses[0]!;
  }

  idOf(address: string): number | null {
    return this.server(address).id;
  }

  addressOf(id: number): string | null {
    return this.all().find((server) => server.id === id)?.addresses[0] ?? null;
  }

  /** The server failed, was late or did not respond: prefer others for a while. */
  exclude(address: string, nowMs: number, isBusy = false): void {
    const server = this.server(address);
    // mutation: a failed server is not excluded
    server.excludedUntilMs = nowMs + EXCLUSION_MS;
    // mutation: busy is taken for gone
    server.isBusy = isBusy;
    if (this.leaderAddress !== null && this.server(this.leaderAddress) === server) this.leaderAddress = null;
  }

  /** The connection was refused or closed: if the server has another address, that is used first now. */
  lost(address: string, nowMs: number): void {
    this.exclude(address, nowMs);
    const server = this.server(address);
    server.addresses = [...server.addresses.filter((each) => each !== address), address];
  }

  /** A task there takes too long. */
  late(address: string, nowMs: number): void {
    this.exclude(address, nowMs);
    for (const each of this.server(address).addresses) this.slow.late(each, nowMs);
  }

  /** The number of servers to choose from. */
  get serverCount(): number {
    return this.usable().length;
  }

  /** The server sent a wrong carrier, or has not given a sign of life for long while others did. */
  avoid(address: string, nowMs: number): void {
    this.exclude(address, nowMs);
    for (const each of this.server(address).addresses) this.slow.failed(each, nowMs);
  }

  /** Returns when any client of this program last heard from the server. */
  heardMs(address: string): number {
    return Math.max(...this.server(address).addresses.map((each) => this.slow.heardMs(each)));
  }

  /** Returns the servers to ping: those that nobody heard or pinged for `quietMs`. They count as pinged. */
  takeQuiet(nowMs: number, quietMs: number): string[] {
    const used = this.usable().map(({ addresses }) => addresses[0]!);
    // A lone server is used whether it answers or not.
    if (used.length < 2) return [];
    return used.filter((address) => this.slow.takePing(address, nowMs, quietMs));
  }

  /** Returns a server, none of `not`, that was heard after `sinceMs`; null if there is none. Prefers good ones. */
  answeringAddress(sinceMs: number, nowMs: number, not: readonly string[]): string | null {
    const heard = this.allBut(not).filter(({ addresses }) => this.heardMs(addresses[0]!) > sinceMs);
    return heard.length === 0
      ? null
      : this.pickOne(preferred(heard, (server) => this.isGood(server, nowMs))).addresses[0]!;
  }

  /** Returns true if all clients of this program avoid the server. */
  isSlow(address: string, nowMs: number): boolean {
    return this.server(address).addresses.some((each) => this.slow.isAvoided(each, nowMs));
  }

  onTime(address: string): void {
    for (const each of this.server(address).addresses) this.slow.onTime(each);
  }

  goDirect(nowMs: number): void {
    this.directUntilMs = nowMs + DIRECT_MS;
  }

  isExcluded(address: string, nowMs: number): boolean {
    return !this.isGood(this.server(address), nowMs);
  }

  /** Returns the ids of the servers that an assignment must avoid; empty if that would leave none. */
  excludedIds(nowMs: number): number[] {
    const all = this.all();
    const excluded = all.filter((server) => !this.isGood(server, nowMs));
    if (excluded.length === all.length) return [];
    return excluded.flatMap((server) => (server.id === null ? [] : [server.id]));
  }

  /** Returns true if some server is not excluded, or at least running: then a failure is retried elsewhere at once. */
  hasAlternative(nowMs: number): boolean {
    return this.usable().some((server) => server.isBusy || this.isGood(server, nowMs));
  }

  /**
   * Returns the address to ask for an assignment: the leader's if known, else any that has not just failed.
   * `notLeader`: another one than the leader, as long as there is one.
   */
  askAddress(nowMs: number, notLeader = false): string {
    const leader = this.leaderAddress;
    if (leader !== null && !notLeader && !this.isExcluded(leader, nowMs)) return leader;
    return this.pickOne(this.choices(nowMs, notLeader && leader !== null ? [leader] : [])).addresses[0]!;
  }

  /** Returns the one of two random servers at which this client has fewer tasks, for use without a leader. */
  directAddress(nowMs: number, not: readonly string[] = []): string {
    const choices = this.choices(nowMs, not);
    const first = this.pickOne(choices);
    const rest = choices.filter((server) => server !== first);
    if (rest.length === 0) return first.addresses[0]!;
    const second = this.pickOne(rest);
    return (this.tasksAt(second) < this.tasksAt(first) ? second : first).addresses[0]!;
  }

  /** Returns the servers that are neither excluded nor in `not`. */
  freshAddresses(nowMs: number, not: readonly string[]): string[] {
    return this.allBut(not)
      .filter((server) => this.isGood(server, nowMs))
      .map(({ addresses }) => addresses[0]!);
  }

  sent(address: string, nowMs: number): void {
    this.outstanding.set(address, (this.outstanding.get(address) ?? 0) + 1);
    for (const each of this.server(address).addresses) this.slow.sent(each, nowMs);
  }

  ended(address: string): void {
    this.outstanding.set(address, (this.outstanding.get(address) ?? 0) - 1);
  }

  /** Returns the number of this client's unfinished tasks at the server at this address. */
  outstandingAt(address: string): number {
    return this.tasksAt(this.server(address));
  }

  /** Exclusions that leave no server are ignored: overloaded servers come first, dead ones last. */
  private choices(nowMs: number, not: readonly string[]): readonly ServerView[] {
    const others = this.allBut(not);
    const pool = others.length > 0 ? others : this.usable();
    const good = pool.filter((server) => this.isGood(server, nowMs));
    return good.length > 0 ? good : preferred(pool, (server) => server.isBusy);
  }

  private isGood({ addresses, excludedUntilMs }: ServerView, nowMs: number): boolean {
    return excludedUntilMs <= nowMs && !this.isSlow(addresses[0]!, nowMs);
  }

  private tasksAt({ addresses }: ServerView): number {
    return addresses.reduce((sum, address) => sum + (this.outstanding.get(address) ?? 0), 0);
  }

  /** Each server once, under however many addresses. */
  private all(): ServerView[] {
    return [...new Set(this.servers.values())];
  }

  /** The servers to choose from. */
  private usable(): ServerView[] {
    return this.all().filter(({ addresses }) => addresses.some((address) => this.proven.has(address)));
  }

  private allBut(not: readonly string[]): ServerView[] {
    return this.usable().filter(({ addresses }) => !addresses.some((address) => not.includes(address)));
  }

  private pickOne(servers: readonly ServerView[]): ServerView {
    return servers[Math.floor(this.random() * servers.length)]!;
  }

  private server(address: string): ServerView {
    let server = this.servers.get(address);
    if (!server) {
      server = newServer(address);
      this.servers.set(address, server);
    }
    return server;
  }

  /** Gives this address an entry of its own. */
  private separate(server: ServerView, address: string): ServerView {
    server.addresses = server.addresses.filter((each) => each !== address);
    const own = newServer(address);
    this.servers.set(address, own);
    return own;
  }

  /** Merges two entries of one server: the longer exclusion counts. */
  private join(one: ServerView, other: ServerView): void {
    const longer = other.excludedUntilMs > one.excludedUntilMs ? other : one;
    const { excludedUntilMs, isBusy } = longer;
    const addresses = [...this.servers.keys()].filter((each) => [one, other].includes(this.servers.get(each)!));
    const joined = { addresses, id: one.id, excludedUntilMs, isBusy };
    for (const address of addresses) this.servers.set(address, joined);
  }
}

/** Returns those that have the property; all if none has it. */
function preferred(servers: readonly ServerView[], has: (server: ServerView) => boolean): readonly ServerView[] {
  const some = servers.filter(has);
  return some.length > 0 ? some : servers;
}

function newServer(address: string): ServerView {
  return { addresses: [address], id: null, excludedUntilMs: -Infinity, isBusy: false };
}
