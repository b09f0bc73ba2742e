import type { FailureDetector } from '../core/election/failure-detector';
import type { ServerEventBody } from '../core/metrics/record';
import type { Message } from '../core/protocol';
import type { ConnId, ConnInfo, Effect } from './effects';

/** Forged subscriptions are cheap to make: these bounds keep them from multiplying what a server sends. */
const MAX_SUBSCRIPTIONS_PER_PEER = 1024;

/** Collects the effects of one step, and knows who subscribed to what this server says as a peer. Pure. */
export class Outbox {
  private effects: Effect[] = [];
  /** By peer, each with the host that it came from. */
  private readonly subscribers = new Map<number, Map<ConnId, string>>();

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

  /** A later subscription never replaces an earlier one: only the real peer knows which of them it reads. */
  subscribe(peerId: number, conn: ConnInfo): 'subscribed' | 'unknown' | 'too many' {
    const conns = this.subscribers.get(peerId);
    if (!conns) return 'unknown';
    if (conns.has(conn.id)) return 'subscribed';
    if (conns.size >= MAX_SUBSCRIPTIONS_PER_PEER) return 'too many';
    conns.set(conn.id, conn.remoteHost);
    return 'subscribed';
  }

  unsubscribe(connId: ConnId): void {
    for (const conns of this.subscribers.values()) conns.delete(connId);
  }

  /** The hosts from which somebody subscribed under that id, each once. */
  hostsOf(peerId: number): string[] {
    return [...new Set(this.subscribers.get(peerId)?.values())];
  }

  reply(connId: ConnId, ...messages: Message[]): void {
    this.effects.push({ type: 'send', connIds: [connId], messages });
  }

  /** As a peer, to whoever subscribed under that id. */
  tell(peerId: number, message: Message): void {
    const connIds = [...(this.subscribers.get(peerId)?.keys() ?? [])];
    if (connIds.length > 0) this.effects.push({ type: 'send', connIds, messages: [message] });
  }

  broadcast(messages: Message[]): void {
    const connIds = [...this.subscribers.values()].flatMap((conns) => [...conns.keys()]);
    if (connIds.length > 0 && messages.length > 0) this.effects.push({ type: 'send', connIds, messages });
  }

  /** As a client, on the link that this server dialed. False when there is none. */
  ask(peerId: number, message: Message): boolean {
    const peer = this.detector.get(peerId);
    if (!peer?.heardOnLink) return false;
    this.effects.push({ type: 'sendLink', peerId, link: peer.link, message });
    return true;
  }
}
