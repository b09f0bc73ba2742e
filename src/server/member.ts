import { taskKey, taskName } from '../core/balancing/task-key';
import { Election } from '../core/election/election';
import { FailureDetector, type DetectorOutput } from '../core/election/failure-detector';
import { loadScore, type LoadSample } from '../core/election/priority';
import { isPlausibleTerm } from '../core/election/term';
import type { Message } from '../core/protocol';
import { Announcer, syncKeys } from './announcer';
import { Assigner } from './assigner';
import type { ConnId, ConnInfo, Effect, Input, MemberConfig, Now } from './effects';
import { Executor } from './executor';
import { Mismatches, notConfigured } from './mismatches';
import { News } from './news';
import { Outbox } from './outbox';
import { Questions } from './questions';
import { memberStatus } from './member-status';

/** A refused dial is repeated after this time, or a quarter of a heartbeat if that is less. */
const REDIAL_MS = 100;
const ELECTION_KINDS: ReadonlySet<string> = new Set(['Election', 'Alive', 'Yield', 'Coordinator']);
/** After a pause the sockets are read for this long before anything is executed. */
const READ_FIRST_MS = 10;

/**
 * One server as a pure state machine: election, balancing, ledger and execution. `step` takes an input and the time,
 * and returns effects. It never waits: any delay is a later `tick`, due at `wakeAtMs`.
 */
export class Member {
  readonly detector: FailureDetector;
  readonly election: Election;
  readonly assigner: Assigner;
  readonly executor: Executor;
  readonly config: MemberConfig;
  /** The time of the next `tick`, on the monotonic clock. */
  wakeAtMs = Infinity;
  startedMs = 0;

  private readonly outbox: Outbox;
  private readonly questions: Questions;
  private readonly announcer: Announcer;
  private readonly mismatches: Mismatches;
  private readonly news: News;
  private sample: LoadSample = { cpuPercent: 0, memoryUsedPercent: 0 };
  private leaveByMs = Infinity;
  private stopped = false;
  private hearingChanged = false;

  constructor(config: MemberConfig) {
    this.config = config;
    const { heartbeatMs } = config.timings;
    const peerIds = config.peers.map((peer) => peer.id);
    const redialMs = Math.min(REDIAL_MS, heartbeatMs / 4);
    this.detector = new FailureDetector(config.id, peerIds, { ...config.timings, redialMs });
    this.outbox = new Outbox(peerIds, this.detector);
    this.mismatches = new Mismatches(config, this.detector, this.outbox);
    this.assigner = new Assigner(
      {
        id: config.id,
        workers: config.workers,
        isReady: () => this.executor.phase === 'ready',
        isLeaving: () => this.executor.phase === 'leaving',
      },
      this.detector,
    );
    this.news = new News(config.id, this.outbox);
    this.executor = new Executor(config, this.assigner.ledger, this.outbox, this.news);
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
    this.questions = new Questions(config, this.election, this.detector, this.assigner, this.outbox);
    this.announcer = new Announcer(
      ...([config, this.election, this.detector, this.executor, this.assigner, this.outbox] as const),
      () => this.loadScore,
    );
  }

  get loadScore(): number {
    return loadScore(this.sample, this.executor.queue.activeCount, this.config.workers);
  }

  /** Returns true if a question of this connection is unanswered; the shell knows about its tasks. */
  owesAnswer(connId: ConnId): boolean {
    return this.questions.owesAnswer(connId);
  }

  step(input: Input, now: Now): Effect[] {
    this.noticePause(now);
    this.apply(input, now);
    this.settle(now);
    return this.outbox.take();
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
        this.outbox.push({ type: 'sendLink', peerId: input.peerId, link: input.link, message });
        return;
      }
      case 'linkClosed':
        return this.onLinkClosed(input, now);
      case 'linkMessage':
        if (this.detector.get(input.peerId)?.link !== input.link) return;
        return this.onPeerMessage(input.peerId, input.message, now);
      case 'linkNonsense':
        if (this.detector.get(input.peerId)?.link !== input.link) return;
        return this.mismatches.onNonsense(input.peerId, input.problem);
      case 'connMessage':
        return this.onConnMessage(input.conn, input.message, input.executionId, now);
      case 'connClosed':
        this.outbox.unsubscribe(input.connId);
        this.news.forget(input.connId);
        this.questions.onConnClosed(input.connId);
        return this.executor.onConnClosed(input.connId, nowMs);
      case 'peerHosts':
        return this.outbox.setHosts(input.peerId, input.hosts);
      case 'executed':
        return this.executor.onExecuted(input.executionId, input.outcome, nowMs);
      case 'prepared':
        if (this.executor.phase !== 'starting') return;
        this.executor.phase = 'ready';
        this.outbox.event({ event: 'ready' });
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
    if (nowMs >= this.questions.nextMs()) this.questions.tick(nowMs);
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
      this.questions.nextMs(),
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
    const { incarnation, address } = this.config;
    this.outbox.event({ event: 'started', incarnation, address: address ?? '' });
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
    this.mismatches.onResume(now.nowMs);
    this.executor.hold(now.nowMs + READ_FIRST_MS);
    this.outbox.event({ event: 'resumed', late_ms: Math.round(lateMs) });
  }

  private onPeerMessage(peerId: number, message: Message, now: Now): void {
    // The message is ignored: it marks no peer up, and no peer goes down because of it.
    if ('term' in message && !isPlausibleTerm(message.term, now.unixMs)) {
      return this.mismatches.onNonsense(peerId, `${message.kind}.term: greater than elections can have reached`);
    }
    if (message.kind === 'Heartbeat') {
      if (message.from_id !== peerId) return this.mismatches.onForeignId(peerId, message.from_id);
      const wasAskable = this.detector.canAsk(peerId);
      // mutation: the sender's clock judges
      this.onDetector(this.detector.heartbeat(peerId, message, now.nowMs), now);
      this.mismatches.onHeartbeat(peerId, message, now.nowMs);
      if (!wasAskable) this.election.onAskable(peerId);
      this.assigner.heardFrom(peerId);
      // A peer that does not hear us cannot lead us, and its leader is not a leader for us either.
      if (!this.detector.isUp(peerId)) return;
      return this.election.onLeadership({ term: message.term, leaderId: message.leader_id }, peerId);
    }
    // A peer that does not list us never sends the first Heartbeat.
    if (message.kind === 'Error') this.mismatches.onError(peerId, message);
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
        return this.election.onLeadership({ term: message.term, leaderId: message.leader_id }, peerId);
      case 'Leave':
        return this.onPeerLeaves(peerId);
      case 'LeaderCheckResponse':
        if (!this.questions.onCheckResponse(message, peerId)) this.election.onCheckResponse(message, peerId, now.nowMs);
        return;
      case 'TaskAssignmentResponse':
        return this.questions.onAssignmentResponse(message, peerId);
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

  private onConnMessage(conn: ConnInfo, message: Message, executionId: number | undefined, now: Now): void {
    switch (message.kind) {
      case 'Subscribe':
        return this.onSubscribe(conn, message.from_id, now);
      case 'LeaderQuery':
        return this.questions.onLeaderQuery(conn);
      case 'LeaderCheck':
        return this.questions.onLeaderCheck(conn, message, now);
      case 'TaskAssignmentRequest':
        return this.questions.onAssignmentRequest(conn, message, now);
      case 'TaskStatusQuery':
        return this.questions.onStatusQuery(conn, message);
      case 'TaskRequest':
        return this.executor.onTaskRequest(conn, message, executionId!, now);
      case 'TaskCancel':
        return this.executor.onCancel(conn, taskKey(message, conn.remoteHost), now.nowMs);
      case 'StatusQuery':
        return this.outbox.reply(conn.id, memberStatus(this, conn, now.nowMs));
      case 'TaskAck':
        return; // the response itself ended the task
      default:
        // A connection to our listener cannot speak as a peer.
        return this.outbox.reply(conn.id, {
          kind: 'Error',
          code: 'not_a_peer',
          message: `${message.kind} is only believed on a link that this server dialed`,
        });
    }
  }

  private onSubscribe(conn: ConnInfo, peerId: number, now: Now): void {
    // Changes included in the list must not be sent again after it.
    this.executor.flush(now.nowMs);
    const outcome = this.outbox.subscribe(peerId, conn, this.detector.isReachable(peerId));
    // The list is sent once: it may be long.
    if (outcome === 'again') return this.outbox.reply(conn.id, this.announcer.heartbeat(now.unixMs));
    if (outcome !== 'subscribed') {
      if (outcome === 'unknown') this.mismatches.onStranger(conn, peerId);
      const text = outcome === 'unknown' ? notConfigured(peerId) : `too many subscriptions as ${peerId}`;
      return this.outbox.reply(conn.id, { kind: 'Error', code: 'refused', message: text });
    }
    this.mismatches.onSubscribed(peerId, now.nowMs);
    const list = this.news.begin(conn.id, this.announcer.list(now.unixMs), now.nowMs);
    this.outbox.reply(conn.id, this.announcer.heartbeat(now.unixMs), list);
    this.election.onSubscribed(peerId);
    this.onDetector(this.detector.hint(peerId, now.nowMs), now);
  }

  private onDetector(outputs: readonly DetectorOutput[], now: Now): void {
    for (const output of outputs) {
      switch (output.type) {
        case 'up':
          this.outbox.event({ event: 'peer_up', peer_id: output.peerId });
          this.mismatches.onUp(output.peerId);
          this.election.onPeerUp(output.peerId);
          break;
        case 'down':
          this.outbox.event({ event: 'peer_down', peer_id: output.peerId, reason: output.reason });
          this.mismatches.onDown(output.peerId);
          this.election.onPeerDown(output.peerId, output.reason);
          // mutation: a dead server's tasks stay
          this.takeOver(output.peerId, now);
          break;
        case 'drop':
          this.onLinkLost(output.peerId);
          this.outbox.push(output);
          break;
        case 'hearing':
          this.hearingChanged = true;
          break;
        case 'dial':
          this.outbox.push(output);
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
      this.outbox.event({ event: 'assigned', term, to: serverId, ...taskName(key) });
    }
  }

  private onPeerLeaves(peerId: number): void {
    const peer = this.detector.get(peerId);
    if (!peer || peer.phase === 'leaving') return;
    peer.phase = 'leaving';
    this.outbox.event({ event: 'peer_down', peer_id: peerId, reason: 'leaving' });
    this.election.onLeave(peerId);
  }

  private leave(now: Now): void {
    if (this.executor.phase === 'leaving') return;
    this.executor.phase = 'leaving';
    this.leaveByMs = now.nowMs + this.config.drainMs;
    this.outbox.event({ event: 'stopping' });
    this.outbox.broadcast([{ kind: 'Leave', from_id: this.config.id, term: this.election.leadership.term }]);
    this.announcer.sendHeartbeat(now);
  }

  private stopIfDone(nowMs: number): void {
    if (this.executor.phase !== 'leaving' || this.stopped) return;
    const handedOver = !this.election.leads || this.detector.electableIds().length === 0;
    if (nowMs < this.leaveByMs && !(this.executor.queue.isIdle && handedOver)) return;
    const untilMs = this.leaveByMs;
    this.stopped = true;
    this.leaveByMs = Infinity;
    this.executor.flush(nowMs);
    this.outbox.event({ event: 'stopped' });
    this.outbox.push({ type: 'stopped', untilMs });
  }

  private onLinkClosed({ peerId, link, refused }: Extract<Input, { type: 'linkClosed' }>, now: Now): void {
    const peer = this.detector.get(peerId);
    if (peer?.link !== link) return;
    const outputs = this.detector.closed(peerId, link, refused, now.nowMs);
    // Redialed at once: peers that the election asked may be asked again on the new link.
    if (peer.linkState === 'dialing') this.questions.onLinkLost(peerId);
    else this.onLinkLost(peerId);
    this.onDetector(outputs, now);
  }

  private onLinkLost(peerId: number): void {
    this.questions.onLinkLost(peerId);
    this.election.onLinkLost(peerId);
  }
}
