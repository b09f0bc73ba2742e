/**
 * One task from the client's side as a pure state machine: ask, send, receive, verify, with failover and hedging, all
 * within one deadline.
 */
import type { Random } from '../../core/environment';
import { VERIFICATION_FAILED } from '../../core/metrics/failure-reasons';
import type { FailureReason, UndecidedReason } from '../../core/metrics/record';
import type { MessageOf, TaskName } from '../../core/protocol';
import { READ_FIRST_MS } from '../../core/system/pause-watch';
import type { ClusterView } from './cluster-view';
import type { AttemptEffect, AttemptResult, SendFailure } from './effects';
import type { Hedging } from './hedging';
import { type Phase, reasonAt } from './phase';
import { SignsOfLife } from './signs-of-life';

const ASK_TIMEOUT_MS = 250;
const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 250;
/** A task that the leader has sent away so often asks another server once. */
const MOST_AWAY = 2;
/** One server that breaks the protocol may be another program; after two, every further one would work in vain. */
const MAX_BROKEN = 2;

interface Send {
  address: string;
  atMs: number;
  lateAtMs: number;
  /** Its server has been reported as late. */
  isLate: boolean;
  /** This process stood still since: the latency says nothing about the server. */
  wasPaused: boolean;
  /** It holds one of the program's places for large secrets that no leader has assigned. */
  isUnasked: boolean;
}

/**
 * Call `start`, pass events to it, call `tick` at `wakeAtMs`; effects are returned in order. Nothing follows `finish`.
 */
export class Attempt {
  wakeAtMs = Infinity;
  readonly deadlineMs: number;
  finished = false;

  private ask: { id: number; address: string; untilMs: number } | null = null;
  private readonly sends = new Map<number, Send>();
  private readonly tried: string[] = [];
  private lastId = 0;
  private retryAtMs = Infinity;
  private hedgeAtMs = Infinity;
  private backoffMs = BACKOFF_MIN_MS;
  private failures = 0;
  /** The servers that answered this task with a wrong carrier, in order. */
  readonly wrongAddresses: string[] = [];
  /** Breaches of the protocol by servers over this task. */
  private readonly broken: string[] = [];
  private hedged = false;
  private readonly signs: SignsOfLife;
  /** The time in which this process stood still. */
  private pausedMs = 0;
  /** After a pause: what has arrived meanwhile is read before the deadline counts. */
  private judgeFromMs = -Infinity;
  /** No server took the last ask, and one that has just been repeated does not change that. */
  private isAskRefused = false;
  /** The times that the leader has had no place for this task, until another server was asked. */
  private awayCount = 0;
  private phase: Phase = 'asking';
  private effects: AttemptEffect[] = [];

  constructor(
    readonly task: Required<TaskName> & { image: string; secretBytes?: number },
    private readonly timeoutMs: number,
    private readonly view: ClusterView,
    private readonly hedging: Hedging,
    private readonly random: Random,
    startMs: number,
  ) {
    this.deadlineMs = startMs + timeoutMs;
    this.signs = new SignsOfLife(view);
  }

  start(nowMs: number): AttemptEffect[] {
    this.next(nowMs);
    return this.take();
  }

  onAssignment(askId: number, response: MessageOf<'TaskAssignmentResponse'>, nowMs: number): AttemptEffect[] {
    if (this.finished || this.ask?.id !== askId) return [];
    const { address } = this.ask;
    this.ask = null;
    this.isAskRefused = false;
    const { assigned_server_id: id, assigned_server_address: told, leader_id: leaderId } = response;
    this.view.term = Math.max(this.view.term, response.term ?? 0);
    if (id !== null && told !== null) this.view.learn(told, id);
    this.view.leaderId = leaderId;
    this.view.leaderAddress = leaderId === null ? null : (this.view.addressOf(leaderId) ?? address);
    if (response.retry_after_ms !== undefined) this.sentAway(response.retry_after_ms, nowMs);
    else this.assigned(told === null ? null : this.view.usedAddress(told), leaderId, nowMs);
    return this.take();
  }

  private assigned(address: string | null, leaderId: number | null, nowMs: number): void {
    if (leaderId === null) {
      this.phase = 'leaderless';
      // The server may have waited for a leader that does not answer: the next task need not wait as well.
      // mutation: every task asks; an election holds tasks up
      this.view.goDirect(nowMs);
    } else if (this.phase === 'leaderless') this.phase = 'asking';
    // Without a leader, or with one that has not noticed a failure known here, the client's own choice is better.
    // mutation: an election holds tasks up
    if (leaderId === null || address === null || this.view.isExcluded(address, nowMs)) this.sendDirect(nowMs);
    else this.send(address, leaderId, nowMs);
  }

  /** All servers have enough to do: the leader says when this client's turn may come. */
  private sentAway(retryAfterMs: number, nowMs: number): void {
    this.hedging.overloaded(nowMs);
    this.phase = 'overloaded';
    this.awayCount += 1;
    this.retryLater(nowMs, retryAfterMs);
  }

  /** The server that was asked refused or closed the connection. */
  onAskLost(askId: number, nowMs: number): AttemptEffect[] {
    if (this.finished || this.ask?.id !== askId) return [];
    this.view.lost(this.ask.address, nowMs);
    this.ask = null;
    this.isAskRefused = true;
    this.retry(nowMs);
    return this.take();
  }

  /** The whole carrier arrived and contains exactly the secret. */
  onVerified(sendId: number, nowMs: number): AttemptEffect[] {
    const send = this.endSend(sendId);
    if (!send || this.finished) return [];
    this.effects.push({ type: 'ack', sendId, address: send.address });
    const { address } = send;
    if (nowMs < send.lateAtMs) this.view.onTime(address);
    // Only a late server is avoided: a hedge that has hardly begun says nothing about its server.
    this.noteLate(nowMs);
    this.hedging.finished(this.task.image, send.wasPaused ? null : { address, latencyMs: nowMs - send.atMs });
    this.finish({ success: true, failureReason: null, serverAddress: address });
    return this.take();
  }

  /** The carrier is wrong. Another server gets the task; whatever comes of it, the wrong one stays in the record. */
  onCorrupted(sendId: number, nowMs: number): AttemptEffect[] {
    const send = this.endSend(sendId);
    if (!send || this.finished) return [];
    this.failures += 1;
    this.wrongAddresses.push(send.address);
    this.view.avoid(send.address, nowMs);
    if (this.sends.size > 0 || this.ask !== null) return this.take();
    if (this.wrongAddresses.length >= this.view.serverCount) this.fail(VERIFICATION_FAILED, send.address);
    else this.retry(nowMs);
    return this.take();
  }

  onSendFailed(sendId: number, failure: SendFailure, nowMs: number): AttemptEffect[] {
    const send = this.endSend(sendId);
    if (!send || this.finished) return [];
    if (failure.kind === 'error') {
      this.fail(`Server error: ${failure.message}`, send.address);
      return this.take();
    }
    this.failures += 1;
    if (failure.kind === 'broken') this.broken.push(failure.message);
    const isBusy = failure.kind === 'busy';
    if (isBusy) this.view.exclude(send.address, nowMs, true);
    else this.view.lost(send.address, nowMs);
    if (isBusy) this.hedging.overloaded(nowMs);
    if (this.sends.size > 0 || this.ask !== null) return this.take(); // the hedge is still in flight
    if (this.broken.length >= MAX_BROKEN) {
      this.fail(`Server error: broke the protocol: ${this.broken.at(-1)}`, send.address);
      return this.take();
    }
    // Without a leader, servers that refuse are most likely starting.
    if (!isBusy || this.phase !== 'leaderless') this.phase = isBusy ? 'overloaded' : 'refused';
    // mutation: an election holds tasks up
    this.retry(nowMs, isBusy, failure.kind === 'busy' ? failure.retryAfterMs : undefined);
    return this.take();
  }

  tick(nowMs: number): AttemptEffect[] {
    if (this.finished) return [];
    if (nowMs >= this.endsAtMs) {
      if (this.pausedMs > 0) this.leaveUndecided();
      else this.fail(this.reasonAtDeadline(), this.wrongAddresses.at(-1) ?? null);
      return this.take();
    }
    if (this.ask !== null && nowMs >= this.ask.untilMs) this.askMissed(nowMs);
    if (nowMs >= this.retryAtMs) this.next(nowMs);
    if (nowMs >= this.signs.wakeAtMs) this.leaveSilent(nowMs);
    if (nowMs >= this.hedgeAtMs) this.hedge(nowMs);
    return this.take();
  }

  /**
   * This process stood still for `pausedMs`, until now. No server is judged by that time: what it sent meanwhile is in
   * our own sockets. The deadline stays, but is judged only once they are read, and then by nobody's fault.
   */
  onResume(pausedMs: number, nowMs: number): AttemptEffect[] {
    if (this.finished) return [];
    this.pausedMs += pausedMs;
    // A pause that began later changes nothing: else a process that stutters would never end a request.
    if (nowMs - pausedMs < this.deadlineMs) this.judgeFromMs = nowMs + READ_FIRST_MS;
    if (this.ask !== null) this.ask.untilMs = nowMs + ASK_TIMEOUT_MS;
    const lateAtMs = nowMs + Math.max(READ_FIRST_MS, this.hedging.delayMs(this.task.image));
    for (const send of this.sends.values()) {
      send.wasPaused = true;
      send.lateAtMs = lateAtMs;
    }
    if (this.sends.size > 0) this.hedgeAtMs = lateAtMs;
    if (this.sends.size > 0) this.signs.begin(nowMs);
    return this.take();
  }

  /** The user stops the run: cancels everything in flight. */
  abandon(): AttemptEffect[] {
    this.cancelAll();
    this.finished = true;
    return this.take();
  }

  private next(nowMs: number): void {
    this.retryAtMs = Infinity;
    if (nowMs >= this.deadlineMs) return;
    if (nowMs < this.view.directUntilMs && !this.hedging.isOverloaded(nowMs)) return this.sendDirect(nowMs);
    // A leader that is cut off from idle servers has no place, where another one has.
    const address = this.view.askAddress(nowMs, this.awayCount === MOST_AWAY);
    if (this.awayCount === MOST_AWAY) this.awayCount = 0;
    this.ask = { id: ++this.lastId, address, untilMs: nowMs + ASK_TIMEOUT_MS };
    // mutation: exclusions are not sent
    const excludedIds = this.view.excludedIds(nowMs);
    const timeoutMs = this.timeLeftMs(nowMs);
    this.effects.push({ type: 'ask', askId: this.ask.id, address, excludedIds, timeoutMs });
  }

  private askMissed(nowMs: number): void {
    this.view.exclude(this.ask!.address, nowMs);
    this.isAskRefused = false;
    this.ask = null;
    // Busy servers answer late. A task sent without asking would push in before others, and most likely be refused.
    if (this.hedging.isOverloaded(nowMs)) return this.retryLater(nowMs);
    this.view.goDirect(nowMs);
    this.sendDirect(nowMs);
  }

  private sendDirect(nowMs: number): void {
    // Nobody but the server could send it away, and only after much of a large secret has been sent.
    if (!this.hedging.mayGoUnasked(this.secretBytes)) return this.retryLater(nowMs);
    this.send(this.view.directAddress(nowMs), null, nowMs);
  }

  private get secretBytes(): number {
    return this.task.secretBytes ?? 0;
  }

  private send(address: string, leaderId: number | null, nowMs: number): void {
    // After a pause the deadline may be over already: only what was sent before can still be answered.
    if (nowMs >= this.deadlineMs) return;
    if (this.sends.size === 0) this.signs.begin(nowMs);
    const sendId = ++this.lastId;
    const lateAtMs = nowMs + this.hedging.delayMs(this.task.image);
    const isUnasked = leaderId === null && this.hedging.goUnasked(this.secretBytes);
    this.sends.set(sendId, { address, atMs: nowMs, lateAtMs, isLate: false, wasPaused: false, isUnasked });
    this.tried.push(address);
    this.view.sent(address, nowMs);
    if (this.phase !== 'leaderless') this.phase = 'awaiting';
    this.hedgeAtMs = lateAtMs;
    this.effects.push({ type: 'send', sendId, address, timeoutMs: this.timeLeftMs(nowMs), leaderId });
  }

  private hedge(nowMs: number): void {
    this.hedgeAtMs = Infinity;
    if (this.sends.size === 0 || nowMs >= this.deadlineMs) return;
    this.noteLate(nowMs);
    const busy = [...this.sends.values()].map((send) => send.address);
    const fresh = this.view.freshAddresses(nowMs, busy);
    // A late task of which only avoided servers have a copy is moved, not doubled, and takes no token.
    const isMoved = busy.every((address) => this.view.isSlow(address, nowMs));
    // mutation: a move needs a token
    if (fresh.length === 0 || !(isMoved || this.hedging.tryTake(nowMs))) {
      // No token or no other server: check again after the same time.
      this.hedgeAtMs = nowMs + this.hedging.delayMs(this.task.image);
      return;
    }
    this.hedged = true;
    this.send(this.view.directAddress(nowMs, busy), null, nowMs);
  }

  /** A task stays with silent servers only as long as no other answers: that takes no token. */
  private leaveSilent(nowMs: number): void {
    const busy = [...this.sends.values()].map(({ address }) => address);
    const { ping, answering } = this.signs.look(busy, this.wrongAddresses, nowMs);
    for (const address of ping) this.effects.push({ type: 'ping', address });
    if (answering === null) return;
    for (const address of busy) this.view.avoid(address, nowMs);
    this.hedged = true;
    this.send(answering, null, nowMs);
  }

  /** With or without a token for a hedge: the next task should go elsewhere. */
  private noteLate(nowMs: number): void {
    for (const send of this.sends.values()) {
      if (send.isLate || nowMs < send.lateAtMs) continue;
      send.isLate = true;
      this.view.late(send.address, nowMs);
    }
  }

  /** Retries at once while some server has not just failed; otherwise with back-off and jitter. */
  private retry(nowMs: number, alwaysWait = false, retryAfterMs?: number): void {
    if (this.phase === 'asking' && this.failures > 0) this.phase = 'reassigning';
    if (this.view.hasAlternative(nowMs) && !alwaysWait) {
      if (this.phase === 'refused') this.phase = 'reassigning';
      return this.next(nowMs);
    }
    this.retryLater(nowMs, retryAfterMs);
  }

  /** With jitter, and before the deadline: a server's hint is no reason to fail without another try. */
  private retryLater(nowMs: number, retryAfterMs?: number): void {
    const spread = this.random() / 2;
    const hintMs = retryAfterMs === undefined ? undefined : retryAfterMs * (0.75 + spread);
    const mostMs = Math.max(BACKOFF_MIN_MS, (this.deadlineMs - nowMs) / 2);
    // mutation: no back-off
    this.retryAtMs = nowMs + (hintMs === undefined ? this.backoffMs * (0.5 + spread) : Math.min(hintMs, mostMs));
    if (hintMs === undefined) this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MAX_MS);
  }

  private timeLeftMs(nowMs: number): number {
    return Math.max(1, Math.round(this.deadlineMs - nowMs));
  }

  private reasonAtDeadline(): FailureReason {
    if (this.wrongAddresses.length > 0) return VERIFICATION_FAILED;
    const isRefused = this.ask === null || this.isAskRefused;
    return reasonAt(
      this.phase,
      { isRefused, isSent: this.sends.size > 0 },
      `Request timeout after ${this.timeoutMs / 1000}s`,
    );
  }

  private fail(failureReason: FailureReason, serverAddress: string | null): void {
    this.hedging.finished(this.task.image, null);
    this.finish({ success: false, failureReason, serverAddress: serverAddress ?? this.tried.at(-1) ?? null });
  }

  private leaveUndecided(): void {
    this.hedging.finished(this.task.image, null);
    const failureReason: UndecidedReason = `The client stood still for ${Math.round(this.pausedMs / 100) / 10}s`;
    this.finish({ success: false, failureReason, serverAddress: this.tried.at(-1) ?? null }, true);
  }

  /** The deadline, or after a pause the time by which the answers that arrived meanwhile are read. */
  private get endsAtMs(): number {
    return Math.max(this.deadlineMs, this.judgeFromMs);
  }

  private finish(result: Pick<AttemptResult, 'success' | 'failureReason' | 'serverAddress'>, undecided = false): void {
    this.cancelAll();
    this.finished = true;
    const { failures: retryCount, hedged } = this;
    this.effects.push({ type: 'finish', result: { ...result, undecided, retryCount, hedged, term: this.view.term } });
  }

  private cancelAll(): void {
    for (const [sendId, { address, isUnasked }] of this.sends) {
      this.view.ended(address);
      if (isUnasked) this.hedging.unaskedEnded();
      // mutation: the loser of a hedge runs on
      this.effects.push({ type: 'cancel', sendId, address });
    }
    this.sends.clear();
    this.ask = null;
  }

  private endSend(sendId: number): Send | undefined {
    const send = this.sends.get(sendId);
    if (!send) return undefined;
    this.sends.delete(sendId);
    this.view.ended(send.address);
    if (send.isUnasked) this.hedging.unaskedEnded();
    if (this.sends.size > 0) return send;
    this.hedgeAtMs = Infinity;
    this.signs.end();
    return send;
  }

  private take(): AttemptEffect[] {
    this.wakeAtMs = this.finished
      ? Infinity
      : Math.min(this.endsAtMs, this.ask?.untilMs ?? Infinity, this.retryAtMs, this.hedgeAtMs, this.signs.wakeAtMs);
    const { effects } = this;
    this.effects = [];
    return effects;
  }
}
