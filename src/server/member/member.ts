/**
 * One server as a pure state machine: election, balancing, ledger and execution. `step` takes an input and the time,
 * and returns effects. It never waits: any delay is a later `tick`, due at `wakeAtMs`.
 */
import { taskKey, taskName } from '../../core/balancing/task-key';
import { Election } from '../../core/election/election';
import { FailureDetector, type DetectorOutput } from '../../core/election/failure-detector';
import { loadScore, type LoadSample } from '../../core/election/priority';
import { isPlausibleTerm } from '../../core/election/term';
import type { Message } from '../../core/protocol';
import { Announcer, syncKeys } from './announcer';
import { Assigner } from './assigner';
import type { ConnId, ConnInfo, Effect, Input, MemberConfig, Now } from './effects';
import { Executor } from './executor';
import { PeerConfigCheck, notConfigured } from './peer-config-check';
import { News } from './news';
import { EffectBuffer } from './effect-buffer';
import { QueryRelay } from './query-relay';
import { memberStatus } from './member-status';

/** A refused dial is repeated after this time, or a quarter of a heartbeat if that is less. */
const REDIAL_MS = 100;
const ELECTION_KINDS: ReadonlySet<string> = new Set(['Election', 'Alive', 'Yield', 'Coordinator']);

export class Member {
  readonly detector: FailureDetector;
  readonly election: Election;
  readonly assigner: Assigner;
  readonly executor: Executor;
  readonly config: MemberConfig;
  /** The time of the next `tick`, on the monotonic clock. */
  wakeAtMs = Infinity;
  startedMs = 0;

  private readonly effects: EffectBuffer;
  private readonly queries: QueryRelay;
  private readonly announcer: Announcer;
  private readonly configCheck: PeerConfigCheck;
  private readonly news: News;
  private sample: LoadSample = { cpuPercent: 0, memoryUsedPercent: 0 };
  private leaveByMs = Infinity;
  private stopped = false;
  private hearingChanged = false;

  constructor(config: MemberConfig) {
    this.config = config;
    const peerIds = config.peers.map((peer) => peer.id);
    const redialMs = Math.min(REDIAL_MS, config.timings.heartbeatMs / 4);
    this.detector = new FailureDetector(config.id, peerIds, { ...config.timings, redialMs });
    this.effects = new EffectBuffer(peerIds, this.detector);
    this.configCheck = new PeerConfigCheck(config, this.detector, this.effects);
    this.assigner = new Assigner(
      {
        ...config,
        isReady: () => this.executor.phase === 'ready',
        isLeaving: () => this.executor.phase === 'leaving',
        taskMs: () => this.executor.taskMs,
      },
      this.detector,
    );
    this.news = new News(config.id, this.effects);
    this.executor = new Executor(config, this.assigner.ledger, this.effects, this.news);
    this.election = new Election(
      config.id,
      config.incarnation,
      config.timings,
      {
        settled: () => this.detector.settled,
        electablePeerIds: () => this.detector.electableIds(),
        askablePeerIds: () => this.detector.askableIds(),
        isReachable: (id) => this.detector.isReachable(id),
        isUp: (id) => this.detector.isUp(id),
        loadScore: () => this.loadScore,
      },
      config.firstCheckId,
    );
    this.queries = new QueryRelay(config, this.election, this.detector, this.assigner, this.effects);
    this.announcer = new Announcer(
      ...([config, this.election, this.detector, this.executor, this.assigner, this.effects] as const),
      () => this.loadScore,
    );
  }

  get loadScore(): number {
    return loadScore(this.sample, this.executor.queue.activeCount, this.config.workers);
  }

  /** Returns true if a query of this connection is unanswered; the shell knows about its tasks. */
  owesAnswer(connId: ConnId): boolean {
    return this.queries.owesAnswer(connId);
  }

  step(input: Input, now: Now): Effect[] {
    this.noticePause(now);
    this.apply(input, now);
    this.settle(now);
    return this.effects.take();
  }

  private apply(input: Input, now: Now): void {
    const { nowMs } = now;
    switch (input.type) {
      case 'start':
        return this.start(now);
      case 'tick':
        return;
      case 'linkOpened': {
        // An input that waited while this process was paused may concern a link that has been redialed since.
        if (this.detector.get(input.peerId)?.link !== input.link) return;
        this.detector.opened(input.peerId, input.link, nowMs);
        const message: Message = { kind: 'Subscribe', from_id: this.config.id };
        this.effects.push({ type: 'sendLink', peerId: input.peerId, link: input.link, message });
        return;
      }
      case 'linkClosed':
        return this.onLinkClosed(input, now);
      case 'linkMessage':
        if (this.detector.get(input.peerId)?.link !== input.link) return;
        return this.onPeerMessage(input.peerId, input.message, now);
      case 'linkNonsense':
        if (this.detector.get(input.peerId)?.link !== input.link) return;
        return this.configCheck.onNonsense(input.peerId, input.problem);
      case 'connMessage':
        return this.onConnMessage(input, now);
      case 'taskHead':
        return this.executor.onTaskHead(input, nowMs);
      case 'connClosed':
        this.effects.unsubscribe(input.connId);
        this.news.forget(input.connId);
        this.queries.onConnClosed(input.connId);
        return this.executor.onConnClosed(input.connId, nowMs);
      case 'peerHosts':
        return this.effects.setHosts(input.peerId, input.hosts);
      case 'executed':
        return this.executor.onExecuted(input.executionId, input.outcome, nowMs);
      case 'prepared':
        if (this.executor.phase !== 'starting') return;
        this.executor.phase = 'ready';
        this.effects.event({ event: 'ready' });
        return this.announcer.sendHeartbeat(now);
      case 'load':
        this.sample = input.sample;
        return;
      case 'leave':
        return this.leave(now);
    }
  }

  /** Handles everything that is due now, whatever the input was. */
  private settle(now: Now): void {
    const { nowMs } = now;
    if (nowMs >= this.detector.nextMs()) this.onDetector(this.detector.tick(nowMs), now);
    // Before any election message: a peer that does not know that we hear it would ignore us.
    if (this.hearingChanged) this.announcer.sendHeartbeat(now);
    this.hearingChanged = false;
    if (this.takesPart) this.election.evaluate(nowMs);
    this.announcer.performElection(now);
    if (nowMs >= this.queries.nextMs()) this.queries.tick(nowMs);
    this.assigner.expire(nowMs);
    // A leader that was paused executes nothing until it knows who leads now.
    this.executor.pump(now, this.election.mode !== 'confirming');
    this.news.tick(nowMs);
    if (nowMs >= this.announcer.nextHeartbeatMs) this.announcer.sendHeartbeat(now);
    this.stopIfDone(nowMs);
    this.wakeAtMs = Math.min(
      this.detector.nextMs(),
      // A deadline that is no longer acted on would cause ticks without end.
      this.takesPart ? this.election.nextMs() : Infinity,
      this.queries.nextMs(),
      this.assigner.ledger.nextMs(),
      this.executor.nextMs(),
      this.news.nextMs(),
      this.announcer.nextHeartbeatMs,
      this.leaveByMs,
    );
  }

  /** A leaving server no longer stands for election, but leads on until there is a new leader. */
  private get takesPart(): boolean {
    return this.executor.phase !== 'leaving' || this.election.leads;
  }

  private start(now: Now): void {
    this.startedMs = now.nowMs;
    this.effects.event({ event: 'started', incarnation: this.config.incarnation, address: this.config.address ?? '' });
    this.announcer.nextHeartbeatMs = now.nowMs + this.config.timings.heartbeatMs;
    this.onDetector(this.detector.start(now.nowMs), now);
  }

  /**
   * A step that is late by more than a heartbeat means that this process was paused. No peer is judged by that silence:
   * messages sent in the meantime are in our own sockets, and are read first.
   */
  private noticePause(now: Now): void {
    const lateMs = now.nowMs - this.wakeAtMs;
    if (lateMs <= this.config.timings.heartbeatMs) return;
    // mutation: a late tick judges
    this.onDetector(this.detector.resumed(now.nowMs), now);
    // mutation: a stopped leader acts without asking
    this.election.onResume(now.nowMs);
    this.configCheck.onResume(now.nowMs);
    this.executor.hold(now.nowMs);
    this.queries.onResume(lateMs, now.nowMs);
    this.effects.event({ event: 'resumed', late_ms: Math.round(lateMs) });
  }

  private onPeerMessage(peerId: number, message: Message, now: Now): void {
    // The message is ignored: it marks no peer up, and no peer goes down because of it.
    if ('term' in message && !isPlausibleTerm(message.term, now.unixMs)) {
      return this.configCheck.onNonsense(peerId, `${message.kind}.term: greater than elections can have reached`);
    }
    if (message.kind === 'Heartbeat') {
      if (message.from_id !== peerId) return this.configCheck.onForeignId(peerId, message.from_id);
      const wasAskable = this.detector.canAsk(peerId);
      // mutation: the sender's clock judges
      this.onDetector(this.detector.heartbeat(peerId, message, now.nowMs), now);
      this.configCheck.onHeartbeat(peerId, message, now.nowMs);
      if (!wasAskable) this.election.onAskable(peerId);
      this.assigner.heardFrom(peerId);
      // A peer that does not hear us cannot lead us, and its leader is not a leader for us either.
      if (!this.detector.isUp(peerId)) return;
      return this.election.onLeadership({ term: message.term, leaderId: message.leader_id }, peerId, now.nowMs);
    }
    // A peer that does not list us never sends the first Heartbeat.
    if (message.kind === 'Error') this.configCheck.onError(peerId, message);
    // Nothing else counts before the Heartbeat that carries the incarnation.
    if (!this.detector.heard(peerId, now.nowMs)) return;
    this.assigner.heardFrom(peerId);
    this.onPeerWord(peerId, message, now);
  }

  private onPeerWord(peerId: number, message: Message, now: Now): void {
    const { ledger } = this.assigner;
    if (ELECTION_KINDS.has(message.kind) && !this.detector.isUp(peerId)) return;
    switch (message.kind) {
      case 'Election':
        if (message.from_id === peerId) this.election.onElection(message, now.nowMs);
        return;
      case 'Alive':
        if (message.from_id === peerId) this.election.onAlive(message, now.nowMs);
        return;
      case 'Yield':
        if (message.from_id === peerId) this.election.onYield(message);
        return;
      case 'Coordinator':
        return this.election.onLeadership({ term: message.term, leaderId: message.leader_id }, peerId, now.nowMs);
      case 'Leave':
        return this.onPeerLeaves(peerId, now.nowMs);
      case 'LeaderCheckResponse':
        if (!this.queries.onCheckResponse(message, peerId)) this.election.onCheckResponse(message, peerId, now.nowMs);
        return;
      case 'TaskAssignmentResponse':
        return this.queries.onAssignmentResponse(message, peerId);
      case 'HistoryAdd':
        return ledger.add(peerId, taskKey(message));
      case 'HistoryRemove':
        return ledger.remove(peerId, taskKey(message), now.nowMs);
      case 'HistorySyncResponse':
        // mutation: no list on a new link
        return ledger.sync(peerId, syncKeys(message));
      default: // peers send only these; anything else is ignored
    }
  }

  private onConnMessage(input: Extract<Input, { type: 'connMessage' }>, now: Now): void {
    const { conn, message, executionId, secretBytes = 0 } = input;
    switch (message.kind) {
      case 'Subscribe':
        return this.onSubscribe(conn, message.from_id, now);
      case 'LeaderQuery':
        return this.queries.onLeaderQuery(conn);
      case 'LeaderCheck':
        return this.queries.onLeaderCheck(conn, message, now);
      case 'TaskAssignmentRequest':
        return this.queries.onAssignmentRequest(conn, message, now);
      case 'TaskStatusQuery':
        return this.queries.onStatusQuery(conn, message);
      case 'TaskRequest':
        return this.executor.onTaskRequest(conn, message, { executionId: executionId!, secretBytes }, now);
      case 'TaskCancel':
        return this.executor.onCancel(conn, taskKey(message, conn.remoteHost), now.nowMs);
      case 'StatusQuery':
        return this.effects.reply(conn.id, memberStatus(this, conn, now.nowMs));
      case 'TaskAck':
        return; // the response itself ended the task
      default:
        // A connection to our listener cannot speak as a peer.
        return this.effects.reply(conn.id, {
          kind: 'Error',
          code: 'not_a_peer',
          message: `${message.kind} is only believed on a link that this server dialed`,
        });
    }
  }

  private onSubscribe(conn: ConnInfo, peerId: number, now: Now): void {
    // Changes included in the list must not be sent again after it.
    this.executor.flush(now.nowMs);
    const outcome = this.effects.subscribe(peerId, conn, this.detector.isReachable(peerId));
    // The list is sent once: it may be long.
    if (outcome === 'again') return this.effects.reply(conn.id, this.announcer.heartbeat(now.unixMs));
    if (outcome !== 'subscribed') {
      if (outcome === 'unknown') this.configCheck.onStranger(conn, peerId);
      const text = outcome === 'unknown' ? notConfigured(peerId) : `too many subscriptions as ${peerId}`;
      return this.effects.reply(conn.id, { kind: 'Error', code: 'refused', message: text });
    }
    this.configCheck.onSubscribed(peerId, now.nowMs);
    const list = this.news.begin(conn.id, this.announcer.list(now.unixMs), now.nowMs);
    this.effects.reply(conn.id, this.announcer.heartbeat(now.unixMs), list);
    this.election.onSubscribed(peerId);
    // mutation: a subscription is no hint
    this.onDetector(this.detector.hint(peerId, now.nowMs), now);
  }

  private onDetector(outputs: readonly DetectorOutput[], now: Now): void {
    for (const output of outputs) {
      switch (output.type) {
        case 'up':
          this.effects.event({ event: 'peer_up', peer_id: output.peerId });
          this.configCheck.onUp(output.peerId);
          this.election.onPeerUp(output.peerId);
          break;
        case 'down':
          this.effects.event({ event: 'peer_down', peer_id: output.peerId, reason: output.reason });
          this.configCheck.onDown(output.peerId);
          this.election.onPeerDown(output.peerId, output.reason);
          // mutation: a dead server's tasks stay
          this.takeOver(output.peerId, now);
          break;
        case 'unheard':
          this.takeOver(output.peerId, now);
          break;
        case 'stranded':
          this.effects.event({ event: 'peer_stranded', peer_id: output.peerId, how: output.how });
          break;
        case 'hearing':
          this.hearingChanged = true;
          break;
        default: // a dial, or a drop
          if (output.type === 'drop') this.onLinkLost(output.peerId);
          this.effects.push(output);
      }
    }
  }

  /** Takes over the tasks of a server that is down: the leader reassigns them at once, all others forget them. */
  private takeOver(peerId: number, now: Now): void {
    if (this.election.mode !== 'leading') {
      this.assigner.ledger.orphan(peerId);
      return;
    }
    const { term } = this.election.leadership;
    for (const { key, serverId } of this.assigner.reassign(peerId, now.nowMs)) {
      this.effects.event({ event: 'assigned', term, to: serverId, ...taskName(key) });
    }
  }

  private onPeerLeaves(peerId: number, nowMs: number): void {
    const peer = this.detector.get(peerId);
    if (!peer || peer.phase === 'leaving') return;
    this.detector.left(peer, nowMs);
    this.effects.event({ event: 'peer_down', peer_id: peerId, reason: 'leaving' });
    this.election.onLeave(peerId);
  }

  private leave(now: Now): void {
    if (this.executor.phase === 'leaving') return;
    this.executor.leave(now.nowMs);
    this.leaveByMs = now.nowMs + this.config.drainMs;
    this.effects.event({ event: 'stopping' });
    this.effects.broadcast([{ kind: 'Leave', from_id: this.config.id, term: this.election.leadership.term }]);
    this.announcer.sendHeartbeat(now);
  }

  private stopIfDone(nowMs: number): void {
    if (this.executor.phase !== 'leaving' || this.stopped) return;
    const handedOver = !this.election.leads || this.detector.electableIds().length === 0;
    if (nowMs < this.leaveByMs && !(this.executor.queue.isIdle && handedOver)) return;
    this.executor.flush(nowMs);
    this.effects.event({ event: 'stopped' });
    this.effects.push({ type: 'stopped', untilMs: this.leaveByMs });
    this.stopped = true;
    this.leaveByMs = Infinity;
  }

  private onLinkClosed({ peerId, link, refused }: Extract<Input, { type: 'linkClosed' }>, now: Now): void {
    const peer = this.detector.get(peerId);
    if (peer?.link !== link) return;
    const outputs = this.detector.closed(peerId, link, refused, now.nowMs);
    // Redialed at once: peers that the election asked may be asked again on the new link.
    if (peer.linkState === 'dialing') this.queries.onLinkLost(peerId);
    else this.onLinkLost(peerId);
    this.onDetector(outputs, now);
  }

  private onLinkLost(peerId: number): void {
    this.queries.onLinkLost(peerId);
    this.election.onLinkLost(peerId);
  }
}
