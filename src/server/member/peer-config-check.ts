/**
 * Reports peer lists that do not match: no server would notice by itself, since one that no peer hears leads alone and
 * believes that the others are down. Pure.
 */
import type { FailureDetector } from '../../core/election/failure-detector';
import { WarnOnce } from '../../core/warn-once';
import { printable } from '../../core/printable';
import type { MessageOf } from '../../core/protocol';
import type { ConnInfo, MemberConfig } from './effects';
import type { EffectBuffer } from './effect-buffer';

/** Far more reports than mismatched lists cause; an attacker can cause no more than these. */
const MAX_TOLD = 100;
/** A server hears a dead peer for up to its failure timeout, so transient states end within twice that time. */
// mutation: no patience with former lives
const PATIENCE_TIMEOUTS = 2;
const MAX_REASON_CHARS = 120;

/** The refusal sent to a subscriber that is not configured; the receiver recognizes it by this text. */
export function notConfigured(id: number): string {
  return `no peer ${id} is configured here`;
}

/**
 * Decides nothing and sends nothing. A problem of a peer is reported once, and again after the peer was up; one of a
 * caller, whose identity is unproved, never again.
 */
export class PeerConfigCheck {
  private readonly addresses: ReadonlyMap<number, string>;
  private readonly ofPeers: WarnOnce;
  private readonly ofCallers: WarnOnce;
  private readonly patienceMs: number;
  /** Peers reported already; the problems of their messages may vary. */
  private readonly nonsensical = new Set<number>();
  /** The time since which a peer has claimed to hear this server without subscribing to it. */
  private readonly heardElsewhere = new Map<number, number>();
  /** Peers under whose id two hosts subscribe here: since when, and in which incarnation of the peer. */
  private readonly twoHosts = new Map<number, { sinceMs: number; incarnation: string | null }>();

  constructor(
    private readonly config: MemberConfig,
    private readonly detector: FailureDetector,
    private readonly effects: EffectBuffer,
  ) {
    const tell = (reason: string): void => this.effects.event({ event: 'mismatch', reason });
    this.addresses = new Map(config.peers.map(({ id, address }) => [id, address]));
    this.ofPeers = new WarnOnce(tell, MAX_TOLD);
    this.ofCallers = new WarnOnce(tell, MAX_TOLD);
    this.patienceMs = PATIENCE_TIMEOUTS * config.timings.failureTimeoutMs;
  }

  /** A Heartbeat with another id at the address of this peer. */
  onForeignId(peerId: number, fromId: number): void {
    const where = this.addresses.get(peerId);
    this.tellOfPeer(peerId, `Server ${fromId} answers at ${where}, expected server ${peerId} by the configuration`);
  }

  /** An Error on the link to a peer. */
  onError(peerId: number, { code, message }: MessageOf<'Error'>): void {
    if (code !== 'refused') return; // not about our identity
    const peer = `Server ${peerId} (${this.addresses.get(peerId)})`;
    if (message === notConfigured(this.config.id)) {
      this.tellOfPeer(peerId, `${peer} does not have this server in its peers`);
    } else this.tellOfPeer(peerId, `${peer} does not talk to this server: "${printable(message, MAX_REASON_CHARS)}"`);
  }

  /** A message that no server would send: another program answers at its address, or the peer is faulty. */
  onNonsense(peerId: number, problem: string): void {
    if (this.nonsensical.has(peerId)) return;
    this.nonsensical.add(peerId);
    const peer = `Server ${peerId} (${this.addresses.get(peerId)})`;
    this.tellOfPeer(
      peerId,
      `${peer} sends invalid messages, which are ignored: ${printable(problem, MAX_REASON_CHARS)}`,
    );
  }

  /** A Subscribe under an id that is not configured. */
  onStranger({ remoteHost }: ConnInfo, id: number): void {
    const reason =
      id === this.config.id
        ? `Two servers have id ${id}: this one, and one at ${remoteHost}`
        : `A server at ${remoteHost} has id ${id}, which is not among the peers of this server`;
    this.ofCallers.say(remoteHost, reason);
  }

  onSubscribed(peerId: number, nowMs: number): void {
    if (this.twoHosts.has(peerId) || this.effects.hostsOf(peerId).length < 2) return;
    const { incarnation } = this.detector.get(peerId)!;
    this.twoHosts.set(peerId, { sinceMs: nowMs, incarnation });
  }

  /** A Heartbeat that is believed. */
  onHeartbeat(peerId: number, beat: MessageOf<'Heartbeat'>, nowMs: number): void {
    this.judgeHearing(peerId, beat, nowMs);
    this.judgeHosts(peerId, beat, nowMs);
  }

  /** The peer has recovered; its next problem is reported again. */
  onUp(peerId: number): void {
    this.ofPeers.well(String(peerId));
    this.nonsensical.delete(peerId);
  }

  onDown(peerId: number): void {
    this.heardElsewhere.delete(peerId);
  }

  /** Nothing is known about the time during which this process was paused. */
  onResume(nowMs: number): void {
    this.heardElsewhere.clear();
    for (const each of this.twoHosts.values()) each.sinceMs = nowMs;
  }

  /** A peer that hears this server does so on a link that ends here; without one for long, it hears another server. */
  private judgeHearing(peerId: number, { hears }: MessageOf<'Heartbeat'>, nowMs: number): void {
    const { id } = this.config;
    if (!hears.includes(id) || this.effects.hostsOf(peerId).length > 0) {
      this.heardElsewhere.delete(peerId);
      return;
    }
    const sinceMs = this.heardElsewhere.get(peerId) ?? nowMs;
    this.heardElsewhere.set(peerId, sinceMs);
    if (nowMs - sinceMs < this.patienceMs) return;
    this.tellOfPeer(
      peerId,
      `Two servers have id ${id}: server ${peerId} (${this.addresses.get(peerId)}) hears one that is not this one`,
    );
  }

  /**
   * Two hosts that subscribe as one peer are two servers, unless the peer has moved: then the connection of its
   * previous incarnation may stay for a quarter of an hour. So only what begins and lasts within one incarnation
   * counts.
   */
  private judgeHosts(peerId: number, { incarnation }: MessageOf<'Heartbeat'>, nowMs: number): void {
    const known = this.twoHosts.get(peerId);
    if (known === undefined) return;
    const [first, second] = this.effects.hostsOf(peerId);
    known.incarnation ??= incarnation;
    if (second === undefined || known.incarnation !== incarnation) this.twoHosts.delete(peerId);
    else if (nowMs - known.sinceMs >= this.patienceMs) {
      this.ofCallers.say(second, `Two servers have id ${peerId}: one at ${first}, and one at ${second}`);
    }
  }

  private tellOfPeer(peerId: number, reason: string): void {
    this.ofPeers.say(String(peerId), reason);
  }
}
