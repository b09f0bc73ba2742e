import type { ServerPhase } from '../protocol';

export interface DetectorTimings {
  heartbeatMs: number;
  failureTimeoutMs: number;
  /** Pause between dials to an address that refuses. */
  redialMs: number;
}

/** `deaf`: the peer says that it does not hear us. */
export type DownReason = 'refused' | 'silent' | 'restarted' | 'deaf';

/** Hints can be forged: no more dials than this because of them. */
const MIN_HINT_PAUSE_MS = 10;
/** A link that lived shorter is not dialed again at once: whoever closes every link must not make a hot loop. */
const MIN_LINK_LIFE_MS = 10;
/**
 * The first pause after such a link, doubled from one to the next up to `redialMs`: the kernel of a killed process may
 * accept once more before it closes the listening socket, and the refusal that follows must be heard soon.
 */
const FIRST_PAUSE_MS = 5;

/** What the detector wants done, or has found out. `link` numbers each dial, so that late events of an old link are known. */
export type DetectorOutput =
  | { type: 'dial'; peerId: number; link: number }
  | { type: 'drop'; peerId: number; link: number }
  /** The set of peers that we hear changed: they should be told at once. */
  | { type: 'hearing' }
  | { type: 'up'; peerId: number }
  | { type: 'down'; peerId: number; reason: DownReason };

export interface Peer {
  readonly id: number;
  link: number;
  linkState: 'idle' | 'dialing' | 'open';
  /** Heard since this link opened: the kernel of a stopped process still accepts. */
  heardOnLink: boolean;
  /** Heard and not silent since, whatever the link does. */
  heard: boolean;
  /** By its own word. */
  hearsUs: boolean;
  /** Up: heard, and hearing us. `unknown` only until the first dial is settled. */
  status: 'unknown' | 'up' | 'down';
  incarnation: string | null;
  phase: ServerPhase;
  workers: number;
  load: number;
  sinceMs: number; // when the link began to be dialed or opened
  lastHeardMs: number;
  nextDialMs: number;
  /** The pause after the next link that closes in a moment. */
  pauseMs: number;
}

/**
 * Which peers are up, from the links that this server dials. Pure: `nowMs` is the receiver's own monotonic clock,
 * and no time of a sender is ever looked at.
 *
 * - up: heard on our link, and it says that it hears us. A peer that is heard but deaf cannot be led and cannot lead
 *   (docs/decisions: mutual hearing)
 * - closed: dial again at once; the peer stays up until that is settled
 * - refused: nobody listens, the process is gone, down now
 * - silent for failureTimeoutMs: down, and the link is destroyed, never kept
 * - a dial that is not connected within a heartbeat is begun anew (a kernel alone would retry at 1, 3, 7, 15 s)
 */
export class FailureDetector {
  private readonly peers = new Map<number, Peer>();
  private linkCount = 0;
  private unknownUntilMs = Infinity;

  constructor(
    private readonly selfId: number,
    peerIds: readonly number[],
    private readonly timings: DetectorTimings,
  ) {
    for (const id of peerIds) this.peers.set(id, newPeer(id));
  }

  start(nowMs: number): DetectorOutput[] {
    this.unknownUntilMs = nowMs + this.timings.heartbeatMs;
    return this.all().map((peer) => this.dial(peer, nowMs));
  }

  all(): Peer[] {
    return [...this.peers.values()];
  }

  get(peerId: number): Peer | undefined {
    return this.peers.get(peerId);
  }

  isUp(peerId: number): boolean {
    return this.peers.get(peerId)?.status === 'up';
  }

  /** Its link is open and heard: it can be asked something now, and its answer proves that it hears us. */
  canAsk(peerId: number): boolean {
    return this.peers.get(peerId)?.heardOnLink === true;
  }

  /** Who is heard: what our Heartbeat tells. */
  heardIds(): number[] {
    return this.all().flatMap((peer) => (peer.heard ? [peer.id] : []));
  }

  /** Peers that were heard since their link opened and are not leaving: they may be asked who leads. */
  askableIds(): number[] {
    const askable = this.all().filter((peer) => peer.heardOnLink && peer.phase !== 'leaving');
    return askable.map((peer) => peer.id);
  }

  /** Peers that are up and not leaving: they may be elected. */
  electableIds(): number[] {
    const electable = this.all().filter((peer) => peer.status === 'up' && peer.phase !== 'leaving');
    return electable.map((peer) => peer.id);
  }

  /** Up, and its link open and heard. */
  isReachable(peerId: number): boolean {
    const peer = this.peers.get(peerId);
    return peer !== undefined && peer.status === 'up' && peer.heardOnLink;
  }

  /** Whether every peer's state is known. False only right after the start. */
  get settled(): boolean {
    return this.all().every((peer) => peer.status !== 'unknown');
  }

  opened(peerId: number, link: number, nowMs: number): void {
    const peer = this.current(peerId, link);
    if (!peer) return;
    peer.linkState = 'open';
    peer.heardOnLink = false;
    peer.sinceMs = nowMs;
  }

  /** The link closed, or the dial failed. `refused`: the other kernel said that nobody listens there. */
  closed(peerId: number, link: number, refused: boolean, nowMs: number): DetectorOutput[] {
    const peer = this.current(peerId, link);
    if (!peer) return [];
    const livedMs = peer.heardOnLink ? nowMs - peer.sinceMs : 0;
    const { redialMs } = this.timings;
    peer.linkState = 'idle';
    peer.heardOnLink = false;
    peer.nextDialMs = nowMs + (refused ? redialMs : Math.min(peer.pauseMs, redialMs));
    peer.pauseMs = livedMs >= MIN_LINK_LIFE_MS ? FIRST_PAUSE_MS : Math.min(2 * peer.pauseMs, redialMs);
    if (refused) return this.markDown(peer, 'refused');
    return livedMs >= MIN_LINK_LIFE_MS ? [this.dial(peer, nowMs)] : [];
  }

  /** A Heartbeat on the link: the only message that makes a peer up, because it carries the incarnation. */
  heartbeat(
    peerId: number,
    beat: { incarnation: string; phase: ServerPhase; workers: number; load: number; hears: readonly number[] },
    nowMs: number,
  ): DetectorOutput[] {
    const peer = this.peers.get(peerId);
    if (!peer || peer.linkState !== 'open') return [];
    const outputs: DetectorOutput[] = [];
    // A restart can be faster than the redial: a new incarnation is a crash of the old one, though nothing was refused.
    const restarted = peer.incarnation !== null && peer.incarnation !== beat.incarnation;
    if (restarted) outputs.push(...this.markDown(peer, 'restarted'));
    const { incarnation, phase, load } = beat;
    const workers = Math.max(1, beat.workers);
    Object.assign(peer, { incarnation, phase, workers, load, heardOnLink: true, lastHeardMs: nowMs });
    if (!peer.heard) outputs.push({ type: 'hearing' });
    peer.heard = true;
    peer.hearsUs = beat.hears.includes(this.selfId);
    if (peer.hearsUs && peer.status !== 'up') {
      peer.status = 'up';
      outputs.push({ type: 'up', peerId });
    } else if (!peer.hearsUs && peer.status === 'up') {
      peer.status = 'down';
      outputs.push({ type: 'down', peerId, reason: 'deaf' });
    }
    return outputs;
  }

  /** Any other message on the link; false when it came before the first Heartbeat and must be ignored. */
  heard(peerId: number, nowMs: number): boolean {
    const peer = this.peers.get(peerId);
    if (!peer?.heardOnLink) return false;
    peer.lastHeardMs = nowMs;
    return true;
  }

  /** Somebody who says to be this peer dialed us: a hint, and no more, that dialing it may work now. */
  hint(peerId: number, nowMs: number): DetectorOutput[] {
    const peer = this.peers.get(peerId);
    if (!peer || peer.linkState === 'open') return [];
    // Not too often: forged hints must not keep a slow dial from ever ending.
    const pauseMs = peer.linkState === 'dialing' ? this.timings.redialMs : MIN_HINT_PAUSE_MS;
    if (nowMs - peer.sinceMs < pauseMs) return [];
    return this.redial(peer, nowMs);
  }

  tick(nowMs: number): DetectorOutput[] {
    const outputs = this.all().flatMap((peer) => this.tickPeer(peer, nowMs));
    if (nowMs >= this.unknownUntilMs) {
      this.unknownUntilMs = Infinity;
      for (const peer of this.all()) if (peer.status === 'unknown') peer.status = 'down';
    }
    return outputs;
  }

  /**
   * After a pause of this process: what was not heard may lie in our own sockets, so every silence begins now. A dial
   * begun before it is begun anew, because its result may be of the time before.
   */
  resumed(nowMs: number): DetectorOutput[] {
    for (const peer of this.all()) {
      peer.lastHeardMs = nowMs;
      // Of a link that was heard it says how long it has lived.
      if (!peer.heard) peer.sinceMs = nowMs;
    }
    return this.all().flatMap((peer) => (peer.linkState === 'dialing' ? this.redial(peer, nowMs) : []));
  }

  /** When `tick` has something to do next. */
  nextMs(): number {
    // Called after every step: a loop, because it shows in profiles.
    let nextMs = this.unknownUntilMs;
    for (const peer of this.peers.values()) nextMs = Math.min(nextMs, this.peerDeadlineMs(peer));
    return nextMs;
  }

  private tickPeer(peer: Peer, nowMs: number): DetectorOutput[] {
    const outputs: DetectorOutput[] = [];
    if (nowMs >= this.silenceDeadlineMs(peer)) {
      outputs.push(...this.markDown(peer, 'silent'));
      if (peer.linkState === 'open') return [...outputs, ...this.redial(peer, nowMs)];
    }
    if (peer.linkState === 'dialing' && nowMs >= peer.sinceMs + this.timings.heartbeatMs) {
      return [...outputs, ...this.redial(peer, nowMs)];
    }
    if (peer.linkState === 'idle' && nowMs >= peer.nextDialMs) outputs.push(this.dial(peer, nowMs));
    return outputs;
  }

  private peerDeadlineMs(peer: Peer): number {
    let linkDeadlineMs = Infinity;
    if (peer.linkState === 'idle') linkDeadlineMs = peer.nextDialMs;
    else if (peer.linkState === 'dialing') linkDeadlineMs = peer.sinceMs + this.timings.heartbeatMs;
    return Math.min(linkDeadlineMs, this.silenceDeadlineMs(peer));
  }

  private silenceDeadlineMs(peer: Peer): number {
    if (peer.heard) return peer.lastHeardMs + this.timings.failureTimeoutMs;
    return peer.linkState === 'open' ? peer.sinceMs + this.timings.failureTimeoutMs : Infinity;
  }

  private markDown(peer: Peer, reason: DownReason): DetectorOutput[] {
    const outputs: DetectorOutput[] = peer.heard ? [{ type: 'hearing' }] : [];
    if (peer.status === 'up') outputs.push({ type: 'down', peerId: peer.id, reason });
    peer.status = 'down';
    peer.heard = false;
    peer.hearsUs = false;
    return outputs;
  }

  private redial(peer: Peer, nowMs: number): DetectorOutput[] {
    const drop: DetectorOutput = { type: 'drop', peerId: peer.id, link: peer.link };
    const dial = this.dial(peer, nowMs);
    return [drop, dial];
  }

  private dial(peer: Peer, nowMs: number): DetectorOutput {
    peer.link = ++this.linkCount;
    peer.linkState = 'dialing';
    peer.heardOnLink = false;
    peer.sinceMs = nowMs;
    return { type: 'dial', peerId: peer.id, link: peer.link };
  }

  private current(peerId: number, link: number): Peer | undefined {
    const peer = this.peers.get(peerId);
    return peer?.link === link ? peer : undefined;
  }
}

function newPeer(id: number): Peer {
  return {
    id,
    link: 0,
    linkState: 'idle',
    heardOnLink: false,
    heard: false,
    hearsUs: false,
    status: 'unknown',
    incarnation: null,
    phase: 'starting',
    workers: 1,
    load: 0,
    sinceMs: -Infinity,
    lastHeardMs: -Infinity,
    nextDialMs: -Infinity,
    pauseMs: FIRST_PAUSE_MS,
  };
}
