import type { FailureDetector } from '../core/election/failure-detector';
import { OnceEach } from '../core/once-each';
import { printable } from '../core/printable';
import type { MessageOf } from '../core/protocol';
import type { ConnInfo, MemberConfig } from './effects';
import type { Outbox } from './outbox';

/** Far more than the wrong lists of a cluster make. Who means ill can make no more lines than these. */
const MAX_TOLD = 100;
/** A server hears one that is gone for up to its failure timeout, so what passes is over after twice as long. */
const PATIENCE_TIMEOUTS = 2;
const MAX_REASON_CHARS = 120;

/** What a server is told that subscribes and is not configured; who is told so knows it again. */
export function notConfigured(id: number): string {
  return `no peer ${id} is configured here`;
}

/**
 * Tells that lists of peers do not fit together. No server would notice by itself: who is heard by nobody leads alone,
 * and believes that the others are down. Decides nothing and sends nothing. Each is told once: of a peer, again after it
 * was up; of a caller, whom nobody vouches for, never again. Pure.
 */
export class Mismatches {
  private readonly addresses: ReadonlyMap<number, string>;
  private readonly ofPeers: OnceEach;
  private readonly ofCallers: OnceEach;
  private readonly patienceMs: number;
  /** Peers of which it was told; what is wrong with their messages may differ from one to the next. */
  private readonly nonsensical = new Set<number>();
  /** Since when a peer says that it hears this server, though it listens to nothing here. */
  private readonly heardElsewhere = new Map<number, number>();
  /** Peers in whose name two hosts listen here: since when, and in which life of the peer. */
  private readonly twoHosts = new Map<number, { sinceMs: number; incarnation: string | null }>();

  constructor(
    private readonly config: MemberConfig,
    private readonly detector: FailureDetector,
    private readonly outbox: Outbox,
  ) {
    const tell = (reason: string): void => this.outbox.event({ event: 'mismatch', reason });
    this.addresses = new Map(config.peers.map(({ id, address }) => [id, address]));
    this.ofPeers = new OnceEach(tell, MAX_TOLD);
    this.ofCallers = new OnceEach(tell, MAX_TOLD);
    this.patienceMs = PATIENCE_TIMEOUTS * config.timings.failureTimeoutMs;
  }

  /** A Heartbeat of somebody else where this peer is dialed. */
  onForeignId(peerId: number, fromId: number): void {
    const where = this.addresses.get(peerId);
    this.tellOfPeer(peerId, `At ${where} answers server ${fromId}, the configuration says ${peerId}`);
  }

  /** An Error on the link to a peer. */
  onError(peerId: number, { code, message }: MessageOf<'Error'>): void {
    if (code !== 'refused') return; // not about who we are
    const peer = `Server ${peerId} (${this.addresses.get(peerId)})`;
    if (message === notConfigured(this.config.id)) {
      this.tellOfPeer(peerId, `${peer} does not have this server in its peers`);
    } else this.tellOfPeer(peerId, `${peer} does not talk to this server: "${printable(message, MAX_REASON_CHARS)}"`);
  }

  /** A message that no server would send: somebody else answers at its address, or it is out of its mind. */
  onNonsense(peerId: number, problem: string): void {
    if (this.nonsensical.has(peerId)) return;
    this.nonsensical.add(peerId);
    const peer = `Server ${peerId} (${this.addresses.get(peerId)})`;
    this.tellOfPeer(peerId, `${peer} says what no server says; it is ignored: ${printable(problem, MAX_REASON_CHARS)}`);
  }

  /** A Subscribe under an id that is not among the peers. */
  onStranger({ remoteHost }: ConnInfo, id: number): void {
    const reason =
      id === this.config.id
        ? `Two servers call themselves ${id}: this one, and one at ${remoteHost}`
        : `A server at ${remoteHost} calls itself ${id}, and is not in the peers of this one`;
    this.ofCallers.say(remoteHost, reason);
  }

  onSubscribed(peerId: number, nowMs: number): void {
    if (this.twoHosts.has(peerId) || this.outbox.hostsOf(peerId).length < 2) return;
    const { incarnation } = this.detector.get(peerId)!;
    this.twoHosts.set(peerId, { sinceMs: nowMs, incarnation });
  }

  /** A Heartbeat that is believed. */
  onHeartbeat(peerId: number, beat: MessageOf<'Heartbeat'>, nowMs: number): void {
    this.judgeHearing(peerId, beat, nowMs);
    this.judgeHosts(peerId, beat, nowMs);
  }

  /** Its trouble is over; the next is news. */
  onUp(peerId: number): void {
    this.ofPeers.well(String(peerId));
    this.nonsensical.delete(peerId);
  }

  onDown(peerId: number): void {
    this.heardElsewhere.delete(peerId);
  }

  /** Nothing is known of the time in which this process did not run. */
  onResume(nowMs: number): void {
    this.heardElsewhere.clear();
    for (const each of this.twoHosts.values()) each.sinceMs = nowMs;
  }

  /** Who hears this server does so on a link that ends here; if there is none for long, it hears another one. */
  private judgeHearing(peerId: number, { hears }: MessageOf<'Heartbeat'>, nowMs: number): void {
    const { id } = this.config;
    if (!hears.includes(id) || this.outbox.hostsOf(peerId).length > 0) {
      this.heardElsewhere.delete(peerId);
      return;
    }
    const sinceMs = this.heardElsewhere.get(peerId) ?? nowMs;
    this.heardElsewhere.set(peerId, sinceMs);
    if (nowMs - sinceMs < this.patienceMs) return;
    this.tellOfPeer(
      peerId,
      `Two servers call themselves ${id}: server ${peerId} (${this.addresses.get(peerId)}) hears one that is not this one`,
    );
  }

  /**
   * Two hosts that listen as one peer are two servers, unless the peer has moved: then the connection of its former life
   * may stay for a quarter of an hour. So only what began and goes on within one life counts.
   */
  private judgeHosts(peerId: number, { incarnation }: MessageOf<'Heartbeat'>, nowMs: number): void {
    const known = this.twoHosts.get(peerId);
    if (known === undefined) return;
    const [first, second] = this.outbox.hostsOf(peerId);
    known.incarnation ??= incarnation;
    if (second === undefined || known.incarnation !== incarnation) this.twoHosts.delete(peerId);
    else if (nowMs - known.sinceMs >= this.patienceMs) {
      this.ofCallers.say(second, `Two servers call themselves ${peerId}: one at ${first}, and one at ${second}`);
    }
  }

  private tellOfPeer(peerId: number, reason: string): void {
    this.ofPeers.say(String(peerId), reason);
  }
}
