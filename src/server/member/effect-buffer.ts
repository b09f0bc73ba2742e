/** Collects the effects of one step of a Member, and keeps the subscriptions of its peers. Pure. */
import { machineOf } from '../../core/transport/hosts';
import type { FailureDetector } from '../../core/election/failure-detector';
import type { ServerEventBody } from '../../core/metrics/record';
import type { Message } from '../../core/protocol';
import type { ConnId, ConnInfo, Effect } from './effects';

/**
 * Subscriptions per peer from its configured host, and as many from all other hosts together (a host with several
 * addresses, or behind NAT). Few, since subscriptions are cheap to forge and each costs as much as a peer; more than
 * the one that a peer needs, since links that died unnoticed keep theirs (docs/decisions/0020).
 */
const PLACES = 4;

export class EffectBuffer {
  private effects: Effect[] = [];
  /** Subscriptions by peer, each with its remote host, earliest first. */
  private readonly subscribers = new Map<number, Map<ConnId, string>>();
  /** The known addresses of each peer's host, each a `machineOf`. */
  private readonly machines = new Map<number, ReadonlySet<string>>();

  constructor(
    peerIds: readonly number[],
    private readonly detector: FailureDetector,
  ) {
    for (const id of peerIds) this.subscribers.set(id, new Map());
  }

  take(): Effect[] {
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  push(...effects: Effect[]): void {
    this.effects.push(...effects);
  }

  event(event: ServerEventBody): void {
    this.effects.push({ type: 'event', event });
  }

  /** Records the current addresses of a peer's host. */
  setHosts(peerId: number, hosts: readonly string[]): void {
    this.machines.set(peerId, new Set(hosts.map(machineOf)));
  }

  /**
   * Only the real peer knows which subscription it reads, and it reports whether it reads one (`hears`): while it does,
   * a later one never replaces an earlier one. While it does not, none of those that fill the places is the peer's, and
   * the earliest gives way, so that a returning peer always gets in. `again`: the same connection under the same id.
   */
  subscribe(peerId: number, conn: ConnInfo, hearsUs: boolean): 'subscribed' | 'again' | 'unknown' | 'too many' {
    const conns = this.subscribers.get(peerId);
    if (!conns) return 'unknown';
    if (conns.has(conn.id)) return 'again';
    // A connection subscribes under one id only: otherwise it could fill the places of all peers.
    if ([...this.subscribers.values()].some((others) => others.has(conn.id))) return 'too many';
    const isHome = this.isHome(peerId, conn.remoteHost);
    const rivals = [...conns].filter(([, host]) => this.isHome(peerId, host) === isHome);
    if (rivals.length >= PLACES) {
      if (hearsUs) return 'too many';
      const [connId] = rivals[0]!;
      conns.delete(connId);
      this.effects.push({ type: 'close', connId });
    }
    conns.set(conn.id, conn.remoteHost);
    return 'subscribed';
  }

  unsubscribe(connId: ConnId): void {
    for (const conns of this.subscribers.values()) conns.delete(connId);
  }

  /** Returns the hosts that subscribed under that id, each once. */
  hostsOf(peerId: number): string[] {
    return [...new Set(this.subscribers.get(peerId)?.values())];
  }

  reply(connId: ConnId, ...messages: Message[]): void {
    this.effects.push({ type: 'send', connIds: [connId], messages });
  }

  /** Sends as a peer, to the subscribers with that id. */
  tell(peerId: number, message: Message): void {
    this.send([...(this.subscribers.get(peerId)?.keys() ?? [])], [message]);
  }

  broadcast(messages: Message[]): void {
    this.send(this.subscriberIds(), messages);
  }

  send(connIds: ConnId[], messages: Message[]): void {
    if (connIds.length > 0 && messages.length > 0) this.effects.push({ type: 'send', connIds, messages });
  }

  subscriberIds(): ConnId[] {
    return [...this.subscribers.values()].flatMap((conns) => [...conns.keys()]);
  }

  /** Sends as a client, on the link that this server dialed. Returns false if there is none. */
  ask(peerId: number, message: Message): boolean {
    const peer = this.detector.get(peerId);
    if (!peer?.heardOnLink) return false;
    this.effects.push({ type: 'sendLink', peerId, link: peer.link, message });
    return true;
  }

  private isHome(peerId: number, host: string): boolean {
    return this.machines.get(peerId)?.has(machineOf(host)) === true;
  }
}
