/** The thin shell around a Member: sockets, timers, images and files. All decisions are made in the Member. */
import { randomBytes } from 'node:crypto';
import { addressOf, hostOf } from '../core/transport/address';
import { taskKey } from '../core/balancing/task-key';
import type { Clock, Logger } from '../core/environment';
import { LoopDelay } from '../core/system/loop-delay';
import { WarnOnce } from '../core/warn-once';
import { ClockWatch } from '../core/metrics/clock-watch';
import type { ServerEvent, ServerEventBody } from '../core/metrics/record';
import { ResidentMemory } from '../core/system/resident-memory';
import { toMicros } from '../core/to-micros';
import { UnexpectedErrors } from '../core/unexpected-errors';
import { encodeMessage } from '../core/transport/wire/frame';
import {
  ACCEPTED_LIMITS,
  FrameWatch,
  listen,
  Turns,
  type Connection,
  type Listener,
  type Secure,
} from '../core/transport/network';
import { tlsRefusal } from '../core/transport/wire/tls-problem';
import type { ImagePool } from '../imaging/pool';
import type { ServerLook } from '../metrics/server-metrics';
import { connectionHandler } from './connection-handler';
import type { Effect, Input, MemberConfig } from './member/effects';
import { eventText } from './event-text';
import { ResponseStreams, type ResponseLimits } from './response-streams';
import { Links } from './links';
import { MachineLoad } from './machine-load';
import { Member } from './member/member';
import { memberStatus } from './member/member-status';
import { PeerHosts } from './peer-hosts';

/** A subscriber that leaves more unread is closed: it must never delay the others, or fill the memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const SAMPLE_MS = 1000;
const MAX_HANDSHAKE_MS = 5000;

export interface ServerOptions {
  member: Omit<MemberConfig, 'incarnation' | 'firstCheckId'>;
  /** The address to listen on, host:port. */
  address: string;
  /** Default: no TLS. */
  secure?: Secure;
  limits: ResponseLimits & { maxConnections: number; maxHandshakes?: number; frameTimeoutMs: number };
  pool: ImagePool;
  clock: Clock;
  log: Logger;
  /** Returns false if it was left out. */
  record(event: ServerEvent): boolean;
}

export class Server {
  /** Resolves when the server has stopped, by itself after `leave` or by `close`. */
  readonly stopped: Promise<void>;
  private readonly member: Member;
  private readonly links: Links;
  private readonly responses: ResponseStreams;
  private readonly peerHosts: PeerHosts;
  private readonly watch: FrameWatch;
  private readonly turns: Turns;
  private readonly conns = new Map<number, Connection>();
  private readonly sampler = new MachineLoad();
  private readonly memory = new ResidentMemory();
  private readonly callerTrouble: WarnOnce;
  private readonly unexpected: UnexpectedErrors;
  private readonly loopDelay: LoopDelay;
  private readonly clockWatch = new ClockWatch();
  private listener: Listener | null = null;
  private sampleTimer: NodeJS.Timeout | null = null;
  private wakeTimer: NodeJS.Timeout | null = null;
  private armedForMs = Infinity;
  private lastId = 0;
  private isSilent = false;
  private markStopped!: () => void;

  constructor(private readonly options: ServerOptions) {
    const { member, limits, pool, clock } = options;
    this.stopped = new Promise((resolve) => (this.markStopped = resolve));
    this.loopDelay = new LoopDelay(clock);
    this.unexpected = new UnexpectedErrors((text) => options.log('error', text));
    this.watch = new FrameWatch({
      frameTimeoutMs: limits.frameTimeoutMs,
      onUnexpected: (error) => this.unexpected.add(error),
      monotonicMs: () => clock.monotonicMs(),
    });
    this.turns = new Turns({ monotonicMs: () => clock.monotonicMs() });
    this.member = new Member({
      ...member,
      incarnation: randomBytes(8).toString('hex'),
      firstCheckId: randomBytes(4).readUInt32BE(0) * 1024,
    });
    const addresses = new Map(member.peers.map(({ id, address }) => [id, address]));
    this.peerHosts = new PeerHosts(addresses, (peerId, hosts) => this.step({ type: 'peerHosts', peerId, hosts }));
    const warn = (text: string): void => options.log('warn', text);
    this.callerTrouble = new WarnOnce(warn);
    const tls = { secure: options.secure, warnings: new WarnOnce(warn) };
    this.links = new Links(addresses, { watch: this.watch, turns: this.turns }, (input) => this.step(input), tls);
    this.responses = new ResponseStreams(
      ...([member.id, pool, limits] as const),
      (executionId, outcome) => this.step({ type: 'executed', executionId, outcome }),
      () => clock.monotonicMs(),
      (host, why) =>
        this.callerTrouble.say(host, `Responses to ${host} are read too slowly, closing connections: ${why}`),
    );
  }

  /** Listens and joins the cluster. @throws ClusterError('address_in_use') */
  async start(): Promise<void> {
    const { address, limits, member, pool, log, secure } = this.options;
    const { host, port } = addressOf(address);
    this.listener = await listen({
      host,
      port,
      limits: { ...ACCEPTED_LIMITS, maxFrameBytes: limits.maxFrameBytes, maxSecretBytes: limits.maxSecretBytes },
      maxConnections: limits.maxConnections,
      maxHandshakes: limits.maxHandshakes,
      reservedPlaces: member.peers.length,
      watch: this.watch,
      turns: this.turns,
      onConnection: (connection) => this.accept(connection),
      secure,
      handshakeTimeoutMs: Math.min(limits.frameTimeoutMs, MAX_HANDSHAKE_MS),
      onTlsProblem: (remote, problem) => this.onCallerTrouble(remote, problem),
      onError: (error) => log('error', `Listening socket: ${error.message}`),
      monotonicMs: () => this.options.clock.monotonicMs(),
    });
    this.loopDelay.start();
    this.step({ type: 'start' });
    this.peerHosts.start();
    this.lookAtClock();
    this.step({ type: 'load', sample: this.sampler.sample() });
    this.sampleTimer = setInterval(() => this.sample(), SAMPLE_MS);
    void pool.ready.then(() => this.step({ type: 'prepared' })).catch(() => undefined);
  }

  /** Hands over, finishes running tasks (bounded), then stops. */
  leave(): void {
    this.step({ type: 'leave' });
  }

  /** Returns the current state, for metrics. */
  look(): ServerLook {
    const asker = { id: 0, localAddress: this.options.address, remoteHost: '' };
    return {
      status: memberStatus(this.member, asker, this.options.clock.monotonicMs()),
      connectionCount: this.listener?.connectionCount ?? 0,
      traffic: this.listener?.traffic ?? { readBytes: 0, writtenBytes: 0 },
      ledgerCount: this.member.assigner.ledger.size,
      unexpectedCount: this.unexpected.count,
    };
  }

  /** Closes all connections at once: responses in flight are lost. */
  async close(): Promise<void> {
    this.fallSilent();
    await this.listener?.close();
    this.markStopped();
  }

  /**
   * Lets responses reach their readers first: an execution ends when its last bytes are handed to the socket, and a
   * client that is cut off before they are sent has the task executed again, by another server.
   */
  private async depart(untilMs: number): Promise<void> {
    this.fallSilent();
    await this.listener?.end(Math.max(0, untilMs - this.options.clock.monotonicMs()));
    this.markStopped();
  }

  /** Makes no more decisions, and sends nothing more to peers. */
  private fallSilent(): void {
    this.isSilent = true;
    if (this.sampleTimer) clearInterval(this.sampleTimer);
    if (this.wakeTimer) clearTimeout(this.wakeTimer);
    this.sampleTimer = null;
    this.loopDelay.stop();
    this.peerHosts.stop();
    this.links.close();
  }

  private step(input: Input): void {
    if (this.isSilent) return;
    const { clock } = this.options;
    const effects = this.member.step(input, { nowMs: clock.monotonicMs(), unixMs: clock.unixMs() });
    for (const effect of effects) this.perform(effect);
    this.arm();
  }

  /** Keeps one timer, reset only when something is due earlier than it would fire. */
  private arm(): void {
    const { wakeAtMs } = this.member;
    if (this.isSilent) return;
    if (wakeAtMs >= this.armedForMs) return;
    if (this.wakeTimer) clearTimeout(this.wakeTimer);
    this.armedForMs = wakeAtMs;
    const delayMs = Math.max(0, Math.ceil(wakeAtMs - this.options.clock.monotonicMs()));
    this.wakeTimer = setTimeout(() => {
      this.armedForMs = Infinity;
      this.step({ type: 'tick' });
    }, delayMs);
  }

  private perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.links.dial(effect.peerId, effect.link);
      case 'drop':
        return this.links.drop(effect.peerId);
      case 'sendLink':
        return this.links.send(effect.peerId, effect.link, effect.message);
      case 'send':
        return this.send(effect);
      case 'close':
        return this.conns.get(effect.connId)?.destroy();
      case 'execute':
        return this.responses.execute(effect.executionId, effect.requestId, effect.deadlineMs);
      case 'discard':
        return this.responses.discard(effect.executionId);
      case 'event':
        return this.tell(effect.event);
      case 'stopped':
        void this.depart(effect.untilMs);
    }
  }

  private send({ connIds, messages }: Extract<Effect, { type: 'send' }>): void {
    const connections = connIds.map((connId) => this.conns.get(connId)).filter((each) => each !== undefined);
    const [message] = messages;
    if (messages.length === 1 && message!.kind === 'Error') return connections.forEach((each) => each.send(message!));
    const frames = messages.map(encodeMessage);
    const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
    for (const connection of connections) {
      connection.sendFrame(bytes);
      if (message!.kind === 'Heartbeat') connection.isSubscriber = true;
      // A subscriber sends no requests whose responses it could leave unread.
      if (connection.isSubscriber && connection.bufferedBytes > MAX_UNREAD_BYTES) connection.destroy();
    }
  }

  private accept(connection: Connection) {
    const connId = ++this.lastId;
    this.conns.set(connId, connection);
    const handler = connectionHandler(connId, connection, this.options.limits.maxSecretBytes, {
      onMessage: (conn, message) => {
        if (message.kind === 'Subscribe' && !this.mayListenAs(message.from_id, connection)) return;
        this.step({ type: 'connMessage', conn, message });
      },
      onTaskHead: (conn, message, secretBytes) => {
        this.step({ type: 'taskHead', conn, message, secretBytes });
        return this.member.executor.isArriving(connId);
      },
      onTask: (conn, from, form, message, secret) => {
        const executionId = ++this.lastId;
        this.responses.hold(executionId, taskKey(message, conn.remoteHost), from, form, secret);
        this.step({ type: 'connMessage', conn, message, executionId, secretBytes: secret.length });
      },
      owesAnswer: () => this.member.owesAnswer(connId),
      onClose: () => {
        this.conns.delete(connId);
        this.step({ type: 'connClosed', connId });
      },
    });
    handler.onTlsProblem = (problem) => this.onCallerTrouble(connection.remoteAddress, problem);
    return handler;
  }

  /** Under TLS a subscriber must show that peer's certificate; any of the CA is enough for queries and tasks. */
  private mayListenAs(peerId: number, connection: Connection): boolean {
    const { secure, member } = this.options;
    const peer = member.peers.find(({ id }) => id === peerId);
    if (secure === undefined || peer === undefined) return true;
    const name = { host: addressOf(peer.address).host, serverId: peerId };
    const problem = secure.callerProblem(connection.peerCertificate, name);
    if (problem === undefined) return true;
    connection.send(tlsRefusal(problem));
    this.onCallerTrouble(connection.remoteAddress, problem);
    return false;
  }

  /**
   * Reported once per host, not per port, and never again: many callers may share a host, and if the good ones among
   * them counted as recovery, a bad one that redials would be reported each time.
   */
  private onCallerTrouble(remoteAddress: string, problem: string): void {
    const host = hostOf(remoteAddress);
    this.callerTrouble.say(host, `TLS with a caller from ${host}: ${problem}`);
  }

  private tell(event: ServerEventBody, time = toMicros(this.options.clock.unixMs())): void {
    const { log, member, record } = this.options;
    const isRecorded = record({ time, server_id: member.id, ...event });
    const said = eventText(event, member.id);
    // Events that others can cause at will: what is too much for the file is too much for the log.
    if (said && isRecorded) log(said.level, said.text);
  }

  private lookAtClock(): void {
    const look = this.options.clock.look?.();
    const note = look && this.clockWatch.look(look);
    if (note) this.tell({ event: 'clock', ...note }, note.time);
  }

  private sample(): void {
    this.lookAtClock();
    const load = this.sampler.sample();
    this.step({ type: 'load', sample: load });
    const { activeCount, queuedCount } = this.member.executor.queue;
    this.tell({
      event: 'sample',
      cpu_percent: Math.round(load.cpuPercent * 10) / 10,
      memory_bytes: this.memory.bytes,
      active: activeCount,
      queued: queuedCount,
      ledger: this.member.assigner.ledger.size,
      event_loop_delay_ms: this.loopDelay.takeMaxMs(),
    });
  }
}
