/** Answers queries (who leads, is the leader alive, which server gets a task), or relays them to the leader. Pure. */
import { taskKey } from '../../core/balancing/task-key';
import { type Election, MAX_HOPS } from '../../core/election/election';
import type { FailureDetector } from '../../core/election/failure-detector';
import type { MessageOf } from '../../core/protocol';
import type { Assigner } from './assigner';
import { type ConnInfo, MAX_TIMEOUT_MS, type MemberConfig, type Now, READ_FIRST_MS } from './effects';
import type { EffectBuffer } from './effect-buffer';
import { OverloadNews } from './overload-news';
import { Pending } from './pending';
import { assumedMs } from './service-time';
import { WaitingLine } from './waiting-line';

/** The time that a client's request waits for the leader before this server proposes a server itself. */
const RELAY_TIMEOUT_MS = 100;

/** Clients wait no longer for an answer: what they asked while this server stood still for longer is asked no more. */
const ASKED_FOR_MS = 250;

/** A task may wait at a server for this share of the time left to its client. The rest is for the way and the work. */
const WAIT_SHARE = 1 / 2;

/** The election numbers its own checks from `firstCheckId`; relayed checks must never use the same ids. */
const OWN_CHECK_IDS = 2 ** 48;
const FAR_CHECK_IDS = 2 ** 49;

interface RelayedAssignment {
  conn: ConnInfo;
  request: MessageOf<'TaskAssignmentRequest'>;
  peerId: number;
}

interface RelayedCheck {
  connId: number;
  checkId: number;
  peerId: number;
}

export class QueryRelay {
  private readonly assignments: Pending<RelayedAssignment>;
  private readonly overload: OverloadNews;
  /** Checks passed on to the leader itself. */
  private readonly checks: Pending<RelayedCheck>;
  /** Checks passed on to a peer, which may have to pass them on in turn. */
  private readonly farChecks: Pending<RelayedCheck>;
  private readonly line = new WaitingLine();
  /** Until then, requests that are read may have been given up long ago. */
  private staleUntilMs = -Infinity;

  constructor(
    private readonly config: MemberConfig,
    private readonly election: Election,
    private readonly detector: FailureDetector,
    private readonly assigner: Assigner,
    private readonly effects: EffectBuffer,
  ) {
    this.overload = new OverloadNews(effects);
    this.assignments = new Pending(config.firstCheckId);
    this.checks = new Pending(config.firstCheckId + OWN_CHECK_IDS);
    this.farChecks = new Pending(config.firstCheckId + FAR_CHECK_IDS);
  }

  /** This server stood still until now. */
  onResume(lateMs: number, nowMs: number): void {
    if (lateMs > ASKED_FOR_MS) this.staleUntilMs = nowMs + READ_FIRST_MS;
  }

  onLeaderQuery(conn: ConnInfo): void {
    const leaderId = this.election.activeLeaderId;
    this.effects.reply(conn.id, {
      kind: 'LeaderResponse',
      leader_id: leaderId,
      term: this.election.leadership.term,
      leader_address: this.addressOf(leaderId, conn),
    });
  }

  onAssignmentRequest(conn: ConnInfo, request: MessageOf<'TaskAssignmentRequest'>, now: Now): void {
    // Nobody may want the task any more: an assignment would only keep a place for it.
    if (now.nowMs < this.staleUntilMs) return this.proposeSelf(conn, request);
    // mutation: a deposed leader assigns
    if (this.election.mode === 'leading') return this.assign(conn, request, now);
    const peerId = this.nextHop();
    const mostHops = this.config.peers.length;
    const hopsLeft = request.relay ? Math.min(request.relay.hops_left, mostHops) - 1 : mostHops;
    if (peerId === null || hopsLeft < 0) return this.proposeSelf(conn, request);
    const id = this.assignments.add({ conn, request, peerId }, now.nowMs + RELAY_TIMEOUT_MS);
    this.effects.ask(peerId, {
      ...request,
      run_id: request.run_id ?? conn.remoteHost,
      relay: { id, hops_left: hopsLeft },
    });
  }

  onAssignmentResponse(response: MessageOf<'TaskAssignmentResponse'>, fromId: number): void {
    const relayed = this.assignments.take(response.relay_id ?? -1, ({ peerId }) => peerId === fromId);
    if (!relayed) return;
    const { assigned_server_id: serverId, retry_after_ms: retryMs } = response;
    if (serverId === null && retryMs === undefined) return this.proposeSelf(relayed.conn, relayed.request);
    this.answerAssignment(relayed.conn, relayed.request, serverId, response, retryMs);
  }

  onStatusQuery(conn: ConnInfo, query: MessageOf<'TaskStatusQuery'>): void {
    const [holder] = this.assigner.ledger.holders(taskKey(query, conn.remoteHost)).filter((id) => this.isUp(id));
    const serverId = holder ?? this.proposal();
    this.effects.reply(conn.id, {
      kind: 'TaskStatusResponse',
      request_id: query.request_id,
      assigned_server_id: serverId,
      assigned_server_address: this.addressOf(serverId, conn),
    });
  }

  /**
   * Answers "is the leader alive?": only an answer of the leader itself, given just now, makes it a yes. Its own link to
   * the leader decides within half a heartbeat; a peer asked in its place answers as soon as it can.
   */
  onLeaderCheck(conn: ConnInfo, check: MessageOf<'LeaderCheck'>, now: Now): void {
    const peerId = this.nextHop();
    if (this.election.leads || peerId === null || (check.hops_left < 1 && peerId !== this.election.activeLeaderId)) {
      return this.answerCheck(conn.id, check.check_id, this.election.leads && !this.isLeaving());
    }
    const { heartbeatMs, failureTimeoutMs } = this.config.timings;
    const relayed = { connId: conn.id, checkId: check.check_id, peerId };
    const isNear = peerId === this.election.activeLeaderId;
    // mutation: far is as near
    const patienceMs = isNear ? heartbeatMs / 2 : failureTimeoutMs;
    const id = (isNear ? this.checks : this.farChecks).add(relayed, now.nowMs + patienceMs);
    // Two servers that seem to reach the leader through each other would relay a forged check for all of its hops.
    const hopsLeft = Math.min(check.hops_left, MAX_HOPS) - 1;
    this.effects.ask(peerId, { kind: 'LeaderCheck', check_id: id, hops_left: Math.max(0, hopsLeft) });
  }

  /** Handles the answer to a check that this server relayed. Returns false if the check was the election's own. */
  onCheckResponse(response: MessageOf<'LeaderCheckResponse'>, fromId: number): boolean {
    const isFrom = ({ peerId }: RelayedCheck): boolean => peerId === fromId;
    const relayed = this.checks.take(response.check_id, isFrom) ?? this.farChecks.take(response.check_id, isFrom);
    if (!relayed) return false;
    const { leadership } = this.election;
    const same = response.leader_id === leadership.leaderId && response.term === leadership.term;
    this.answerCheck(relayed.connId, relayed.checkId, same && response.lives);
    return true;
  }

  /** Queries asked over a lost link will not be answered. */
  onLinkLost(peerId: number): void {
    const isLost = (relayed: { peerId: number }): boolean => relayed.peerId === peerId;
    const checks = [...this.checks.takeWhere(isLost), ...this.farChecks.takeWhere(isLost)];
    this.giveUp(this.assignments.takeWhere(isLost), checks);
  }

  /** Returns true if a query of this connection waits for an answer of the leader. */
  owesAnswer(connId: number): boolean {
    const isOwed = (each: RelayedCheck): boolean => each.connId === connId;
    const isAssignment = this.assignments.some(({ conn }) => conn.id === connId);
    return isAssignment || this.checks.some(isOwed) || this.farChecks.some(isOwed);
  }

  onConnClosed(connId: number): void {
    this.line.connClosed(connId);
    this.assignments.takeWhere(({ conn }) => conn.id === connId);
    for (const checks of [this.checks, this.farChecks]) checks.takeWhere((check) => check.connId === connId);
  }

  tick(nowMs: number): void {
    this.giveUp(this.assignments.takeDue(nowMs), [...this.checks.takeDue(nowMs), ...this.farChecks.takeDue(nowMs)]);
  }

  nextMs(): number {
    return Math.min(this.assignments.nextMs(), this.checks.nextMs(), this.farChecks.nextMs());
  }

  private giveUp(assignments: RelayedAssignment[], checks: RelayedCheck[]): void {
    for (const { conn, request } of assignments) this.proposeSelf(conn, request);
    for (const { connId, checkId } of checks) this.answerCheck(connId, checkId, false);
  }

  private assign(conn: ConnInfo, request: MessageOf<'TaskAssignmentRequest'>, now: Now): void {
    const key = taskKey(request, conn.remoteHost);
    const retryMs = this.assigner.knows(key) ? null : this.retryMs(conn, request, now.nowMs);
    const { term } = this.election.leadership;
    const leadership = { term, leader_id: this.config.id };
    if (retryMs !== null) {
      this.overload.tell(`no server could begin in time: ${this.line.size} clients wait for their turn`, now.nowMs);
      return this.answerAssignment(conn, request, null, leadership, retryMs);
    }
    const assigned = this.assigner.assign(key, request.excluded_server_ids ?? [], now.nowMs);
    if (!assigned) return this.proposeSelf(conn, request);
    if (assigned.isNew) {
      const { run_id, client_name, request_id } = request;
      this.effects.event({ event: 'assigned', term, to: assigned.serverId, run_id, client_name, request_id });
    }
    this.answerAssignment(conn, request, assigned.serverId, leadership);
  }

  /** Returns the time after which this client should ask again; null if it is its turn. */
  private retryMs(conn: ConnInfo, request: MessageOf<'TaskAssignmentRequest'>, nowMs: number): number | null {
    // Other clients, like those of the original, would not come back.
    if (request.timeout_ms === undefined) return null;
    const waitMs = Math.min(request.timeout_ms, MAX_TIMEOUT_MS) * WAIT_SHARE;
    const taskMs = assumedMs(request.secret_bytes ?? 0);
    const { places, msPerTask } = this.assigner.room(request.excluded_server_ids ?? [], waitMs, taskMs);
    // No server is ready: see `proposeSelf`.
    if (!Number.isFinite(msPerTask)) return null;
    // The client is in the line, not its task: one whose task failed keeps its place for the next.
    const client = taskKey({ ...request, request_id: 0 }, conn.remoteHost);
    const connId = request.relay ? undefined : conn.id;
    return this.line.ask({ client, connId, waitedMs: request.waiting_ms, freePlaces: places, msPerTask }, nowMs);
  }

  /** There is no leader to ask: the client is still served, by us or by a peer known to be ready. */
  private proposeSelf(conn: ConnInfo, request: MessageOf<'TaskAssignmentRequest'>): void {
    const { term } = this.election.leadership;
    const serverId = request.relay ? null : this.proposal();
    // Clients that send no run id are those of the original, which read a number only: here, who assigned the task.
    const leader_id = request.relay || request.run_id !== undefined ? null : this.config.id;
    this.answerAssignment(conn, request, serverId, { term, leader_id });
  }

  private answerAssignment(
    conn: ConnInfo,
    request: MessageOf<'TaskAssignmentRequest'>,
    serverId: number | null,
    leadership: { term: number; leader_id: number | null },
    retryMs?: number,
  ): void {
    this.effects.reply(conn.id, {
      kind: 'TaskAssignmentResponse',
      request_id: request.request_id,
      assigned_server_id: serverId,
      assigned_server_address: this.addressOf(serverId, conn),
      leader_id: leadership.leader_id,
      term: leadership.term,
      ...(request.relay && { relay_id: request.relay.id }),
      ...(retryMs !== undefined && { retry_after_ms: retryMs }),
    });
  }

  private answerCheck(connId: number, checkId: number, lives: boolean): void {
    const { term, leaderId } = this.election.leadership;
    const leader_id = this.isLeaving() && leaderId === this.config.id ? null : leaderId;
    this.effects.reply(connId, { kind: 'LeaderCheckResponse', check_id: checkId, term, leader_id, lives });
  }

  /** Returns the leader if our own link to it is open, else the peer that last proved it alive. */
  private nextHop(): number | null {
    const leaderId = this.election.activeLeaderId;
    if (leaderId === null || leaderId === this.config.id) return null;
    if (this.detector.isReachable(leaderId)) return leaderId;
    const { viaPeerId } = this.election;
    return viaPeerId !== null && this.detector.canAsk(viaPeerId) ? viaPeerId : null;
  }

  /** Returns this server if no other is known to be better: an address that answers *starting* is better than none. */
  private proposal(): number {
    const ready = this.detector.all().find((peer) => peer.phase === 'ready' && this.detector.isReachable(peer.id));
    return this.assigner.self.isReady() ? this.config.id : (ready?.id ?? this.config.id);
  }

  private isLeaving(): boolean {
    return this.assigner.self.isLeaving();
  }

  private isUp(serverId: number): boolean {
    return serverId === this.config.id || this.detector.isUp(serverId);
  }

  private addressOf(serverId: number | null, conn: ConnInfo): string | null {
    if (serverId === this.config.id) return this.config.address ?? conn.localAddress;
    return this.config.peers.find((peer) => peer.id === serverId)?.address ?? null;
  }
}
