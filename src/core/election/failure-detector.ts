/** Determines which peers are up, from the links that this server dials. */
import type { ServerPhase } from '../protocol';

export interface DetectorTimings {
  heartbeatMs: number;
  failureTimeoutMs: number;
  /** Pause between dials to an address that refuses. */
  redialMs: number;
}

/** `deaf`: the peer says that it does not hear us. */
export type DownReason = 'refused' | 'silent' | 'restarted' | 'deaf';

/** Hints can be forged: dials because of them are at least this far apart. */
const MIN_HINT_PAUSE_MS = 10;
/** A link that was open for less is not redialed at once: a peer that closes every link must not cause a busy loop. */
const MIN_LINK_LIFE_MS = 10;
/**
 * The first pause after such a link, doubled each time up to `redialMs`: the kernel of a killed process may accept once
 * more before it closes the listening socket, and the refusal that follows must be noticed soon.
 */
const FIRST_PAUSE_MS = 5;

/**
 * An action for the caller, or a finding. `link` numbers each dial, so that late events of an old link are recognized.
 */
export type DetectorOutput =
  | { type: 'dial'; peerId: number; link: number }
  | { type: 'drop'; peerId: number; link: number }
  /** The set of peers that we hear changed: notify them at once. */
  | { type: 'hearing' }
  | { type: 'up'; peerId: number }
  | { type: 'down'; peerId: number; reason: DownReason }
  /** A peer that was heard, but not up, is heard no more: what it reported meanwhile is over. */
  | { type: 'unheard'; peerId: number }
  /** `never_reached` since the start; `deaf`: heard for a failure timeout, though it does not hear us. */
  | { type: 'stranded'; peerId: number; how: 'never_reached' | 'deaf' };

export interface Peer {
  readonly id: number;
  link: number;
  linkState: 'idle' | 'dialing' | 'open';
  /** Heard since this link opened: the kernel of a paused process still accepts. */
  heardOnLink: boolean;
  /** Heard and not silent since, whatever the state of the link. */
  heard: boolean;
  /** The peer's own report. */
  hearsUs: boolean;
  /** Since when it has been heard without hearing us; Infinity once that was told. */
  deafSinceMs: number | null;
  /** Up: heard, and hearing us. `unknown` until it was heard, refused us, or was silent for the failure timeout. */
  status: 'unknown' | 'up' | 'down';
  incarnation: string | null;
  phase: ServerPhase;
  /** Its Leave was read after a pause of this process, and nothing newer is known of it. */
  mayBeBack: boolean;
  workers: number;
  /** The time from the end of one of its tasks to the next, in milliseconds; 0: not known. */
  taskMs: number;
  load: number;
  sinceMs: number; // when the current or last dial began, or its link opened
  lastHeardMs: number;
  nextDialMs: number;
  /** The pause after the next short-lived link. */
  pauseMs: number;
}

/**
 * The rules. Pure: `nowMs` is the receiver's own monotonic clock, and no sender's time is ever used.
 *
 * - up: heard on our link, and it says that it hears us. A peer that is heard but deaf cannot be led and cannot lead
 * (docs/decisions/0001)
 * - closed: dial again at once; the peer stays up until that is settled
 * - refused: the process is gone, down now
 * - silent for failureTimeoutMs: down, and the link is destroyed, never kept
 * - a dial that is not connected within a heartbeat is restarted (the kernel alone would retry at 1, 3, 7, 15 s)
 */
export class FailureDetector {
  private readonly peers = new Map<number, Peer>();
  private linkCount = 0;
  private unknownUntilMs = Infinity;
  /** After a pause of this process: what peers said of it meanwhile is old. */
  private staleUntilMs = -Infinity;

  constructor(
    private readonly selfId: number,
    peerIds: readonly number[],
    private readonly timings: DetectorTimings,
  ) {
    for (const id of peerIds) this.peers.set(id, newPeer(id));
  }

  start(nowMs: number): DetectorOutput[] {
    // mutation: a heartbeat is chance enough
    this.unknownUntilMs = nowMs + this.timings.failureTimeoutMs;
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

  /** Returns true if its link is open and heard: it can be asked now, and its answer proves that it hears us. */
  canAsk(peerId: number): boolean {
    return this.peers.get(peerId)?.heardOnLink === true;
  }

  /** Returns the peers that are heard, for our Heartbeat. */
  heardIds(): number[] {
    return this.all().flatMap((peer) => (peer.heard ? [peer.id] : []));
  }

  /** Returns the peers heard since their link opened and not leaving: they may be asked who leads. */
  askableIds(): number[] {
    const askable = this.all().filter((peer) => peer.heardOnLink && peer.phase !== 'leaving');
    return askable.map((peer) => peer.id);
  }

  /** Returns the peers that are up and not leaving: they may be elected. */
  electableIds(): number[] {
    const electable = this.all().filter((peer) => peer.status === 'up' && peer.phase !== 'leaving');
    return electable.map((peer) => peer.id);
  }

  /** Returns true if the peer is up, and its link is open and heard. */
  isReachable(peerId: number): boolean {
    const peer = this.peers.get(peerId);
    return peer !== undefined && peer.status === 'up' && peer.heardOnLink;
  }

  /** True once every peer's state is known. False only for a while after the start or a pause. */
  get settled(): boolean {
    return this.all().every((peer) => peer.status !== 'unknown' && !peer.mayBeBack);
  }

  opened(peerId: number, link: number, nowMs: number): void {
    const peer = this.current(peerId, link);
    if (!peer) return;
    peer.linkState = 'open';
    // mutation: up as soon as connected
    peer.heardOnLink = false;
    peer.sinceMs = nowMs;
  }

  /** The link closed, or the dial failed. `refused`: the remote kernel refused the connection. */
  closed(peerId: number, link: number, refused: boolean, nowMs: number): DetectorOutput[] {
    const peer = this.current(peerId, link);
    if (!peer) return [];
    const livedMs = peer.heardOnLink ? nowMs - peer.sinceMs : 0;
    const { redialMs } = this.timings;
    peer.linkState = 'idle';
    peer.heardOnLink = false;
    peer.nextDialMs = nowMs + (refused ? redialMs : Math.min(peer.pauseMs, redialMs));
    peer.pauseMs = livedMs >= MIN_LINK_LIFE_MS ? FIRST_PAUSE_MS : Math.min(2 * peer.pauseMs, redialMs);
    // mutation: refused is waited out
    if (refused) return this.markDown(peer, 'refused');
    return livedMs >= MIN_LINK_LIFE_MS ? [this.dial(peer, nowMs)] : [];
  }

  /** Handles a Heartbeat: the only message that marks a peer up, because it carries the incarnation. */
  heartbeat(
    peerId: number,
    beat: {
      incarnation: string;
      phase: ServerPhase;
      workers: number;
      task_ms?: number;
      load: number;
      hears: readonly number[];
    },
    nowMs: number,
  ): DetectorOutput[] {
    const peer = this.peers.get(peerId);
    if (!peer || peer.linkState !== 'open') return [];
    const outputs: DetectorOutput[] = [];
    // A restart can be faster than the redial: a new incarnation means that the old one crashed, although no dial was
    // refused.
    // mutation: no incarnation
    const restarted = peer.incarnation !== null && peer.incarnation !== beat.incarnation;
    if (restarted) outputs.push(...this.markDown(peer, 'restarted'));
    const { incarnation, phase, load } = beat;
    const workers = Math.max(1, beat.workers);
    const taskMs = beat.task_ms ?? 0;
    Object.assign(peer, { incarnation, phase, workers, taskMs, load, heardOnLink: true, lastHeardMs: nowMs });
    if (!peer.heard) outputs.push({ type: 'hearing' });
    peer.heard = true;
    // mutation: deaf peers count
    peer.hearsUs = beat.hears.includes(this.selfId);
    if (peer.hearsUs && peer.status !== 'up') {
      peer.status = 'up';
      outputs.push({ type: 'up', peerId });
    } else if (!peer.hearsUs && peer.status === 'up' && nowMs >= this.staleUntilMs) {
      peer.status = 'down';
      peer.deafSinceMs = Infinity;
      outputs.push({ type: 'down', peerId, reason: 'deaf' });
    }
    return [...outputs, ...this.judgeDeaf(peer, nowMs)];
  }

  /** Tells once of a peer that is heard for long and does not hear us; one that was up before is down as `deaf`. */
  private judgeDeaf(peer: Peer, nowMs: number): DetectorOutput[] {
    if (peer.hearsUs) peer.deafSinceMs = null;
    else peer.deafSinceMs ??= nowMs;
    if (peer.deafSinceMs === null || nowMs < peer.deafSinceMs + this.timings.failureTimeoutMs) return [];
    peer.deafSinceMs = Infinity;
    return [{ type: 'stranded', peerId: peer.id, how: 'deaf' }];
  }

  /** Handles a Leave. One that is read after a pause of this process may be old: the peer may be back since. */
  left(peer: Peer, nowMs: number): void {
    peer.phase = 'leaving';
    if (nowMs >= this.staleUntilMs) return;
    peer.mayBeBack = true;
    this.unknownUntilMs = nowMs + this.timings.failureTimeoutMs;
  }

  /** Handles any other message; returns false if it came before the first Heartbeat and must be ignored. */
  heard(peerId: number, nowMs: number): boolean {
    const peer = this.peers.get(peerId);
    if (!peer?.heardOnLink) return false;
    peer.lastHeardMs = nowMs;
    return true;
  }

  /** Something that claims to be this peer dialed us: only a hint that dialing it may work now. */
  hint(peerId: number, nowMs: number): DetectorOutput[] {
    const peer = this.peers.get(peerId);
    if (!peer || peer.linkState === 'open') return [];
    // Not too often: forged hints must not keep a slow dial from ever completing.
    const pauseMs = peer.linkState === 'dialing' ? this.timings.redialMs : MIN_HINT_PAUSE_MS;
    if (nowMs - peer.sinceMs < pauseMs) return [];
    return this.redial(peer, nowMs);
  }

  tick(nowMs: number): DetectorOutput[] {
    const outputs = this.all().flatMap((peer) => this.tickPeer(peer, nowMs));
    if (nowMs >= this.unknownUntilMs) {
      this.unknownUntilMs = Infinity;
      for (const peer of this.all()) {
        peer.mayBeBack = false;
        if (peer.status === 'unknown') peer.status = 'down';
        if (peer.incarnation === null) outputs.push({ type: 'stranded', peerId: peer.id, how: 'never_reached' });
      }
    }
    return outputs;
  }

  /**
   * Handles a pause of this process: unheard messages may be in our own sockets, so every silence begins now. A dial
   * begun before is restarted, because its result may be stale. A peer that was down may have come back long ago.
   */
  resumed(nowMs: number): DetectorOutput[] {
    this.staleUntilMs = nowMs + this.timings.heartbeatMs;
    for (const peer of this.all()) {
      if (peer.status === 'down') peer.status = 'unknown';
      peer.lastHeardMs = nowMs;
      // For a link that was heard, it must remain the time at which the link opened.
      if (!peer.heard) peer.sinceMs = nowMs;
    }
    // mutation: a pause is chance enough
    if (this.all().some(({ status }) => status === 'unknown'))
      this.unknownUntilMs = nowMs + this.timings.failureTimeoutMs;
    return this.all().flatMap((peer) => (peer.linkState === 'dialing' ? this.redial(peer, nowMs) : []));
  }

  /** Returns when `tick` is due next. */
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
      // mutation: a silent link is kept
      if (peer.linkState === 'open') return [...outputs, ...this.redial(peer, nowMs)];
    }
    // mutation: no second dial
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
    // mutation: a deaf server's tasks stay
    if (peer.status !== 'up' && peer.heard) outputs.push({ type: 'unheard', peerId: peer.id });
    peer.status = 'down';
    peer.mayBeBack = false;
    peer.heard = false;
    peer.hearsUs = false;
    peer.deafSinceMs = null;
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
    deafSinceMs: null,
    status: 'unknown',
    incarnation: null,
    phase: 'starting',
    mayBeBack: false,
    workers: 1,
    taskMs: 0,
    load: 0,
    sinceMs: -Infinity,
    lastHeardMs: -Infinity,
    nextDialMs: -Infinity,
    pauseMs: FIRST_PAUSE_MS,
  };
}
