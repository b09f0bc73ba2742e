/**
 * The modified bully algorithm, pure. See docs/architecture.md for the rules and what each guards against. Every call
 * is followed by `evaluate`, which acts on the current state; nothing here waits.
 */
import type { MessageOf } from '../protocol';
import type { DownReason } from './failure-detector';
import { isGreater, isSame, type Leadership } from './leadership';
import type { ElectionOutput, ElectionTimings, ElectionView, Mode } from './election-types';
import { beats, INCUMBENT_PRIORITY } from './priority';

export type { ElectionOutput, ElectionTimings, ElectionView, Mode } from './election-types';

/** A check is relayed by peers that themselves reach the leader through a peer; clusters are small. */
export const MAX_HOPS = 8;

export class Election {
  leadership: Leadership = { term: 0, leaderId: null };
  mode: Mode = 'resting';
  /** The peer that last proved the leader alive, or told us of it; the way to it while our own link is down. */
  via: number | null = null;

  private priority = 0;
  /** The leader itself said that it does not lead this term (it restarted or stepped down). */
  private disowned = false;
  private awaiting = new Set<number>();
  private deferringTo: number | null = null;
  private deadlineMs = Infinity;
  private checkId = 0;
  /** The time of each question about this leadership that may still be answered, by its check id. */
  private readonly askedMs = new Map<number, number>();
  private lastAskedMs = -Infinity;
  /** The time at which the leader was certainly alive, or at which we were told of it. */
  private provenMs = -Infinity;
  private heldElection: MessageOf<'Election'> | null = null;
  private outputs: ElectionOutput[] = [];

  constructor(
    private readonly id: number,
    private readonly incarnation: string,
    private readonly timings: ElectionTimings,
    private readonly view: ElectionView,
    /**
     * The first check id: random per start, so that an answer to a previous incarnation is not taken for one to this.
     */
    firstCheckId: number,
  ) {
    this.checkId = firstCheckId;
  }

  get leads(): boolean {
    return this.mode === 'leading' || (this.mode === 'confirming' && this.leadership.leaderId === this.id);
  }

  /** The leader to work with now: alive as far as is known, and not this server while it confirms. */
  get activeLeaderId(): number | null {
    if (this.mode === 'leading') return this.id;
    return this.mode === 'following' ? this.leadership.leaderId : null;
  }

  /** The peer through which the leader is reached, or null if our own link works. */
  get viaPeerId(): number | null {
    return this.mode === 'following' && !this.leaderIsReachable() ? this.via : null;
  }

  nextMs(): number {
    return this.deadlineMs;
  }

  take(): ElectionOutput[] {
    const outputs = this.outputs;
    this.outputs = [];
    return outputs;
  }

  onElection(message: MessageOf<'Election'>, nowMs: number): void {
    const from = message.from_id;
    // mutation: a leader ignores higher terms
    if (this.mode === 'confirming') {
      // It may have waited in our socket while its election was decided: first ask who leads now.
      this.heldElection = message;
    } else if (message.term < this.leadership.term) {
      this.answerStaleCandidate(from);
    } else if (message.term > this.leadership.term || this.leadership.leaderId === null) {
      if (message.term > this.leadership.term || !this.isStanding()) this.stand(message.term, nowMs);
      this.answerCandidate(message);
    } else if (this.leads) {
      this.tell(from, { kind: 'Coordinator', leader_id: this.id, term: this.leadership.term });
    } else {
      // We follow a leader of the same term: the Heartbeat sent for `changed` says so.
      this.outputs.push({ type: 'changed', reason: 'answering a candidate' });
    }
  }

  onAlive(message: MessageOf<'Alive'>, nowMs: number): void {
    if (this.mode !== 'candidate' || message.term !== this.leadership.term) return;
    this.mode = 'deferring';
    this.deferringTo = message.from_id;
    this.deadlineMs = nowMs + this.timings.electionTimeoutMs;
  }

  onYield(message: MessageOf<'Yield'>): void {
    // While asking, `awaiting` holds something else: a late vote must not count as an answer.
    if (this.mode === 'candidate' && message.term === this.leadership.term) this.awaiting.delete(message.from_id);
  }

  /**
   * Handles a leadership reported by `fromId` in a Coordinator, a Heartbeat or an answer. Follows the greatest one at
   * once.
   */
  onLeadership(heard: Leadership, fromId: number, nowMs: number): void {
    this.noteDisowning(heard, fromId);
    // mutation: any leadership is believed
    if (!isGreater(heard, this.leadership)) return;
    if (heard.leaderId === this.id) {
      // We are said to lead a term that we do not remember: a previous incarnation did. We do not.
      this.become(
        'resting',
        { term: heard.term, leaderId: null },
        `${fromId} believes that we lead: a previous incarnation did`,
      );
    } else if (heard.leaderId !== null) {
      // mutation: a restart unseats
      this.follow(heard, fromId, nowMs);
    } else if (!this.isLeaderKnownAlive()) {
      // A greater term without a leader: its election will reach us, or our next one must exceed it.
      this.leadership = { term: Math.max(heard.term, this.leadership.term), leaderId: null };
      if (this.mode === 'candidate' || this.mode === 'deferring' || this.mode === 'following') this.mode = 'resting';
    }
  }

  onCheckResponse(message: MessageOf<'LeaderCheckResponse'>, fromId: number, nowMs: number): void {
    // During a candidacy `awaiting` holds something else: a late answer must not count as a vote.
    // mutation: a late answer is a vote
    const asked = this.isAsking() && message.check_id === this.checkId && this.awaiting.delete(fromId);
    const heard = { term: message.term, leaderId: message.leader_id };
    if (heard.leaderId !== null && heard.leaderId !== this.id && isGreater(heard, this.leadership)) {
      if (message.lives || this.mode === 'confirming') return this.follow(heard, fromId, nowMs);
    }
    if (!message.lives || this.leads || !isSame(heard, this.leadership)) return;
    if (asked || this.mode === 'following') this.followThrough(fromId, message.check_id);
  }

  /** The detector reports a peer down (or restarted: then it may be up again already). */
  onPeerDown(peerId: number, reason: DownReason | 'leaving'): void {
    // A deaf peer may still answer, and then it is not deaf any more.
    if (reason !== 'deaf') this.awaiting.delete(peerId);
    if (this.deferringTo === peerId) this.deadlineMs = -Infinity;
    // Only the leader's own message on a live link revokes this: a restarted leader does not remember leading.
    if (this.leadership.leaderId === peerId) this.disowned = true;
    if (this.via === peerId) this.via = null;
  }

  /** The link on which a peer was asked is gone, and the answer with it; a peer that is up is asked again. */
  onLinkLost(peerId: number): void {
    if (this.isAsking() && !this.view.isUp(peerId)) this.awaiting.delete(peerId);
  }

  /** A link was heard for the first time. */
  onAskable(peerId: number): void {
    if (this.isAsking() && this.awaiting.has(peerId)) this.ask(peerId);
  }

  onPeerUp(peerId: number): void {
    // It may hear us for the first time in the middle of our candidacy.
    if (this.mode === 'candidate') this.sendElection(peerId);
  }

  /** A peer subscribed to us; during an election it has not heard our candidacy. */
  onSubscribed(peerId: number): void {
    if (this.isStanding() && this.leadership.leaderId === null) this.sendElection(peerId);
    if (this.mode === 'leading') {
      this.tell(peerId, { kind: 'Coordinator', leader_id: this.id, term: this.leadership.term });
    }
  }

  /** The leader or a peer announces that it leaves: it is not elected, and a new leader is chosen at once. */
  onLeave(peerId: number): void {
    this.onPeerDown(peerId, 'leaving');
  }

  /** This process was paused for a while: its state may be stale, so it asks before it acts again. */
  onResume(nowMs: number): void {
    if (this.mode !== 'resting') this.startAsking('confirming', nowMs);
  }

  /** Acts on the current state. Called after every input. */
  evaluate(nowMs: number): void {
    // A transition can make the next one due at once (a lone survivor stands and wins); never more than a few.
    for (let round = 0; round < 5; round++) {
      const before = `${this.mode} ${this.leadership.term}`;
      this.evaluateOnce(nowMs);
      if (before === `${this.mode} ${this.leadership.term}`) return;
    }
  }

  private evaluateOnce(nowMs: number): void {
    if (this.heldElection && this.mode !== 'confirming') this.answerHeldElection(nowMs);
    switch (this.mode) {
      case 'resting':
        // mutation: a restart unseats
        if (this.view.settled()) this.startAsking('checking', nowMs);
        return;
      case 'following':
        return this.evaluateFollowing(nowMs);
      case 'checking':
        return this.evaluateChecking(nowMs);
      case 'candidate':
        return this.evaluateCandidate(nowMs);
      case 'deferring':
        if (nowMs >= this.deadlineMs || !this.view.isUp(this.deferringTo!)) this.startAsking('checking', nowMs);
        return;
      case 'confirming':
        if (this.awaiting.size === 0 || nowMs >= this.deadlineMs) this.endConfirming();
        return;
      case 'leading':
    }
  }

  private evaluateFollowing(nowMs: number): void {
    this.deadlineMs = Infinity;
    if (this.isLeaderKnownAlive()) return;
    // mutation: a follower that asks follows nobody
    const patientUntilMs = this.provenMs + this.timings.failureTimeoutMs;
    if (this.via === null || this.disowned || nowMs >= patientUntilMs) return this.startAsking('checking', nowMs);
    // It stays what it is meanwhile: others reach the leader through this server.
    if (nowMs >= this.lastAskedMs + this.timings.heartbeatMs) this.askAll(this.view.askablePeerIds(), nowMs);
    this.deadlineMs = Math.min(this.lastAskedMs + this.timings.heartbeatMs, patientUntilMs);
  }

  private evaluateChecking(nowMs: number): void {
    if (this.leadership.leaderId !== null && this.isLeaderKnownAlive()) {
      return this.become('following', this.leadership, 'the leader is back');
    }
    if (nowMs < this.deadlineMs && this.awaiting.size > 0) return;
    // After a pause nobody leads before each peer was given a chance to be heard: what it knows of them is old.
    if (!this.view.settled()) return this.wait('resting');
    // mutation: a restart unseats
    this.stand(this.leadership.term + 1, nowMs);
  }

  private endConfirming(): void {
    const isFree = this.leadership.leaderId === null;
    this.wait(this.leads ? 'leading' : isFree ? 'resting' : 'following');
  }

  private wait(mode: Mode): void {
    this.mode = mode;
    this.deadlineMs = Infinity;
  }

  private answerHeldElection(nowMs: number): void {
    const held = this.heldElection!;
    this.heldElection = null;
    // mutation: a held election is dropped
    if (held.term > this.leadership.term) this.onElection(held, nowMs);
  }

  private evaluateCandidate(nowMs: number): void {
    const electable = new Set(this.view.electablePeerIds());
    for (const peerId of this.awaiting) if (!electable.has(peerId)) this.awaiting.delete(peerId);
    // mutation: an election waits for its timeout
    if (this.awaiting.size > 0 && nowMs < this.deadlineMs) return;
    this.become('leading', { term: this.leadership.term, leaderId: this.id }, 'won the election');
    for (const peerId of electable) {
      this.tell(peerId, { kind: 'Coordinator', leader_id: this.id, term: this.leadership.term });
    }
  }

  private become(mode: Mode, leadership: Leadership, reason: string): void {
    const changed = leadership.term !== this.leadership.term || leadership.leaderId !== this.leadership.leaderId;
    this.mode = mode;
    this.leadership = { ...leadership };
    this.awaiting.clear();
    this.deferringTo = null;
    this.deadlineMs = Infinity;
    if (!changed) return;
    this.disowned = false;
    this.via = null;
    this.askedMs.clear();
    this.outputs.push({ type: 'changed', reason });
  }

  /**
   * Follows a greater leadership, reported by `fromId`. Whoever told us of it followed it first, so that these ways lead
   * to the leader itself, and whoever asks us is passed on along them at once.
   */
  private follow(heard: Leadership, fromId: number, nowMs: number): void {
    this.become('following', heard, `told by ${fromId}`);
    this.via = fromId === heard.leaderId ? null : fromId;
    this.provenMs = nowMs;
    this.lastAskedMs = -Infinity;
  }

  /** Starts this server's candidacy in `term`; its priority is sampled here, once. */
  private stand(term: number, nowMs: number): void {
    this.priority = this.leads ? INCUMBENT_PRIORITY : this.view.loadScore();
    this.become('candidate', { term, leaderId: null }, `stands in term ${term}`);
    this.awaiting = new Set(this.view.electablePeerIds());
    this.deadlineMs = nowMs + this.timings.electionTimeoutMs;
    for (const peerId of this.awaiting) this.sendElection(peerId);
  }

  private startAsking(mode: 'checking' | 'confirming', nowMs: number): void {
    // mutation: no asking before standing
    const asked = this.view.askablePeerIds();
    this.mode = mode;
    // After a pause nobody is judged by what was not heard during it.
    if (mode === 'confirming') this.provenMs = nowMs;
    else this.via = null;
    this.askedMs.clear();
    // Peers that are up and whose link is being dialed are asked as soon as possible.
    this.awaiting = new Set([...asked, ...this.view.electablePeerIds()]);
    // The peer takes up to half a heartbeat to probe its own link.
    this.deadlineMs = nowMs + this.timings.heartbeatMs;
    this.askAll(asked, nowMs);
  }

  private askAll(peerIds: readonly number[], nowMs: number): void {
    this.checkId += 1;
    this.lastAskedMs = nowMs;
    this.askedMs.set(this.checkId, nowMs);
    for (const peerId of peerIds) this.ask(peerId);
  }

  private ask(peerId: number): void {
    const message = { kind: 'LeaderCheck', check_id: this.checkId, hops_left: MAX_HOPS } as const;
    this.outputs.push({ type: 'ask', peerId, message });
  }

  /**
   * Handles the proof that the leader was alive after check `checkId` was asked. The first answer gives the way: it came
   * by the shortest one.
   */
  private followThrough(peerId: number, checkId: number): void {
    const askedMs = this.askedMs.get(checkId);
    if (askedMs === undefined) return;
    for (const id of this.askedMs.keys()) if (id <= checkId) this.askedMs.delete(id);
    this.mode = 'following';
    this.via = peerId;
    this.provenMs = askedMs;
    this.disowned = false;
    this.awaiting.clear();
  }

  private noteDisowning(heard: Leadership, fromId: number): void {
    if (fromId !== this.leadership.leaderId) return;
    this.disowned = heard.leaderId !== fromId;
  }

  private isLeaderKnownAlive(): boolean {
    if (this.leads) return true;
    const { leaderId } = this.leadership;
    return leaderId !== null && !this.disowned && this.view.isUp(leaderId);
  }

  private leaderIsReachable(): boolean {
    const { leaderId } = this.leadership;
    return leaderId !== null && this.view.isReachable(leaderId);
  }

  private isAsking(): boolean {
    return this.mode === 'checking' || this.mode === 'confirming';
  }

  private isStanding(): boolean {
    return this.mode === 'candidate' || this.mode === 'deferring';
  }

  private answerStaleCandidate(peerId: number): void {
    if (this.leads) this.tell(peerId, { kind: 'Coordinator', leader_id: this.id, term: this.leadership.term });
    else if (this.isStanding()) this.sendElection(peerId);
    else this.outputs.push({ type: 'changed', reason: 'answering a stale candidate' });
  }

  private answerCandidate(message: MessageOf<'Election'>): void {
    const { from_id: from, term } = message;
    const mine = { id: this.id, priority: this.priority };
    if (beats({ id: from, priority: message.priority }, mine)) {
      this.tell(from, { kind: 'Yield', from_id: this.id, term });
    } else {
      this.awaiting.add(from);
      this.tell(from, { kind: 'Alive', from_id: this.id, term });
      this.sendElection(from);
    }
  }

  private sendElection(peerId: number): void {
    this.tell(peerId, {
      kind: 'Election',
      from_id: this.id,
      priority: this.priority,
      term: this.leadership.term,
      incarnation: this.incarnation,
    });
  }

  private tell(peerId: number, message: MessageOf<'Election' | 'Alive' | 'Yield' | 'Coordinator'>): void {
    this.outputs.push({ type: 'tell', peerId, message });
  }
}
