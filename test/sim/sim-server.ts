import { ACCEPTED_LIMITS, DIALED_LIMITS } from '../../src/core/transport/wire/frame-limits';
import {
  encodeEnvelopeHead,
  encodeMessage,
  FrameDecoder,
  type FrameHandler,
} from '../../src/core/transport/wire/frame';
import type { Random } from '../../src/core/environment';
import type { ServerEvent } from '../../src/core/metrics/record';
import type { MessageOf } from '../../src/core/protocol';
import type { ConnInfo, Effect, ExecutionOutcome, Input, MemberConfig } from '../../src/server/member/effects';
import { LARGE_BYTES } from '../../src/server/connection-handler';
import { Member } from '../../src/server/member/member';
import { carrierOf, wrongCarrierOf } from './carriers';
import type { End } from './end';
import type { DialHandler, Network } from './network';
import { type Machine, Process } from './process';
import { carrierBytes, wireBytes } from './secret';
import { ServerConn } from './server-conn';

/** A reader that has not taken its response by then, after the deadline, loses its connection. */
const TAKE_GRACE_MS = 1000;
/** A subscriber that leaves more unread is closed. */
const MAX_UNREAD_BYTES = 1024 * 1024;

interface Link {
  link: number;
  end: End | null;
  giveUp(): void;
}

export interface SimServerOptions {
  config: MemberConfig;
  network: Network;
  random: Random;
  machine: Machine;
  /** CPUs that the workers and the event loop share. */
  cores: number;
  record(event: ServerEvent): void;
  /** CPU time of a worker for a secret of this size. */
  serviceMs(secretBytes: number): number;
  /** The longest delay of an outgoing dial. */
  maxLateDialMs: number;
}

interface Held {
  conn: ServerConn;
  secret: Uint8Array;
  cancel?(): void;
}

/** The real Member, with the real codec, on simulated sockets, CPUs and time. */
export class SimServer extends Process {
  readonly member: Member;
  stopped = false;
  /** Its carriers are wrong. */
  corrupts = false;

  private readonly conns = new Map<number, ServerConn>();
  private readonly links = new Map<number, Link>();
  /** The tasks that are held for clients, by execution id. */
  private readonly held = new Map<number, Held>();
  private busyWorkers = 0;
  private lastId = 0;
  private armedForMs = Infinity;
  private cancelTimer: (() => void) | undefined;

  constructor(
    name: string,
    private readonly options: SimServerOptions,
  ) {
    const { config, network, random, machine } = options;
    super(name, network.queue, random, machine);
    this.member = new Member(config);
    network.listen(this);
  }

  start(): void {
    this.step({ type: 'start' });
    const { config, random } = this.options;
    for (const { id, address } of config.peers) this.step({ type: 'peerHosts', peerId: id, hosts: [address] });
    this.clock.after(20 + random() * 100, () => this.step({ type: 'prepared' }));
  }

  step(input: Input): void {
    if (!this.alive) return;
    const now = { nowMs: this.clock.monotonicMs(), unixMs: this.clock.unixMs() };
    for (const effect of this.member.step(input, now)) this.perform(effect);
    this.arm();
  }

  /** The kernel of its machine closes its connections. */
  override kill(): void {
    super.kill();
    for (const end of this.ownEnds()) end.destroy();
  }

  private ownEnds(): End[] {
    return [...this.options.network.ends].filter((end) => end.process === this);
  }

  override accept(end: End): void {
    const conn = new ServerConn(++this.lastId, end);
    let task: { message: MessageOf<'TaskRequest'>; chunks: Uint8Array[] } | null = null;
    this.conns.set(conn.id, conn);
    const info = { id: conn.id, localAddress: this.name, remoteHost: end.remoteName };
    const decoder = new FrameDecoder(ACCEPTED_LIMITS, {
      onMessage: (message) => {
        if (message.kind !== 'TaskRequest') return this.step({ type: 'connMessage', conn: info, message });
        if (this.isRefused(info, message)) return;
        task = { message, chunks: [] };
      },
      onBody: (chunk) => task?.chunks.push(chunk.slice()),
      onEnd: () => {
        if (!task) return;
        const { message, chunks } = task;
        task = null;
        const executionId = ++this.lastId;
        const secret = concat(chunks);
        this.held.set(executionId, { conn, secret });
        conn.openTasks += 1;
        this.step({ type: 'connMessage', conn: info, message, executionId, secretBytes: wireBytes(secret) });
      },
      onUnknown: (error) => {
        throw error;
      },
    });
    end.handler = {
      onData: (bytes) => decoder.push(bytes),
      onEnd: () => {
        conn.isHalfOpen = !conn.isSubscriber && !decoder.insideFrame;
        if (conn.isHalfOpen) this.closeIfAnswered(conn);
        else this.hangUp(conn.id);
      },
      onReset: () => this.hangUp(conn.id),
      onDrain: () => conn.write(),
    };
  }

  /** A large secret may be refused before it arrives. */
  private isRefused(conn: ConnInfo, message: MessageOf<'TaskRequest'>): boolean {
    const { client_name: client, request_id: id } = message;
    const secretBytes = this.options.network.secretBytes.get(`${client}/${id}`)!;
    if (secretBytes <= LARGE_BYTES) return false;
    this.step({ type: 'taskHead', conn, message, secretBytes });
    return !this.member.executor.isArriving(conn.id);
  }

  /** Keeps one timer, reset only when something is due earlier than it would fire. */
  private arm(): void {
    const { wakeAtMs } = this.member;
    if (wakeAtMs >= this.armedForMs) return;
    this.cancelTimer?.();
    this.armedForMs = wakeAtMs;
    const delayMs = Math.max(0, Math.ceil(wakeAtMs - this.clock.monotonicMs()));
    this.cancelTimer = this.clock.after(delayMs, () => {
      this.armedForMs = Infinity;
      this.step({ type: 'tick' });
    });
  }

  private perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.dial(effect.peerId, effect.link);
      case 'drop':
        return this.drop(effect.peerId);
      case 'sendLink': {
        const link = this.links.get(effect.peerId);
        if (link?.link === effect.link) link.end?.send(encodeMessage(effect.message));
        return;
      }
      case 'send': {
        const bytes = concat(effect.messages.map(encodeMessage));
        const isHeartbeat = effect.messages[0]!.kind === 'Heartbeat';
        for (const connId of effect.connIds) this.sendTo(connId, bytes, isHeartbeat);
        return;
      }
      case 'close':
        return this.hangUp(effect.connId);
      case 'execute':
        return this.execute(effect);
      case 'discard':
        return this.release(effect.executionId)?.cancel?.();
      case 'event': {
        const { config, record } = this.options;
        return record({ time: this.clock.unixMs(), server_id: config.id, ...effect.event });
      }
      case 'stopped':
        this.stopped = true;
        super.kill();
        // Answers that it has given are still sent.
        for (const end of this.ownEnds()) end.close();
    }
  }

  /** Disconnects a subscriber that does not read, rather than waiting for it. */
  private sendTo(connId: number, bytes: Uint8Array, isHeartbeat: boolean): void {
    const conn = this.conns.get(connId);
    if (!conn) return;
    if (isHeartbeat) conn.isSubscriber = true;
    conn.send(bytes);
    if (conn.isSubscriber && conn.unsentBytes > MAX_UNREAD_BYTES) this.hangUp(connId);
    else if (conn.isHalfOpen) this.closeIfAnswered(conn);
  }

  private closeIfAnswered(conn: ServerConn): void {
    if (conn.openTasks === 0 && !this.member.owesAnswer(conn.id)) this.hangUp(conn.id);
  }

  private hangUp(connId: number): void {
    this.conns.get(connId)?.end.destroy();
    if (!this.conns.delete(connId)) return;
    this.step({ type: 'connClosed', connId });
    if ([...this.held.values()].some(({ conn }) => conn.id === connId)) {
      throw new Error(`${this.name} keeps a task of a closed connection`);
    }
  }

  private execute({ executionId, requestId, deadlineMs }: Extract<Effect, { type: 'execute' }>): void {
    if (deadlineMs <= this.clock.monotonicMs()) throw new Error(`${this.name} executes a task after its deadline`);
    const held = this.held.get(executionId)!;
    const { network, serviceMs, cores } = this.options;
    this.busyWorkers += 1;
    const ms = serviceMs(wireBytes(held.secret)) * Math.max(1, (this.busyWorkers + 1) / cores);
    network.queue.after(ms, () => {
      this.busyWorkers -= 1;
      this.deliver(() => this.answer(executionId, requestId, deadlineMs));
    });
  }

  private answer(executionId: number, requestId: number, deadlineMs: number): void {
    const held = this.held.get(executionId);
    if (!held) return;
    const { conn, secret } = held;
    const response: MessageOf<'TaskResponse'> = {
      kind: 'TaskResponse',
      request_id: requestId,
      success: true,
      error_message: null,
      server_id: this.options.config.id,
    };
    const carrier = this.corrupts ? wrongCarrierOf(secret) : carrierOf(secret);
    const head = encodeEnvelopeHead(response, carrier.length);
    held.cancel = conn.stream(head, carrier, carrierBytes(secret), () => this.ended(executionId, 'answered'));
    if (conn.isHalfOpen) this.closeIfAnswered(conn);
    if (this.held.get(executionId) !== held || deadlineMs === Infinity) return;
    this.options.network.queue.after(deadlineMs + TAKE_GRACE_MS - this.clock.monotonicMs(), () => {
      if (this.held.get(executionId) === held) this.deliver(() => this.hangUp(conn.id));
    });
  }

  private ended(executionId: number, outcome: ExecutionOutcome): void {
    if (this.release(executionId)) this.step({ type: 'executed', executionId, outcome });
  }

  private release(executionId: number): Held | undefined {
    const held = this.held.get(executionId);
    if (!held) return undefined;
    this.held.delete(executionId);
    held.conn.openTasks -= 1;
    return held;
  }

  private dial(peerId: number, link: number): void {
    const { network, random, maxLateDialMs } = this.options;
    const lateMs = random() < 0.05 ? random() * maxLateDialMs : 0;
    let given = false;
    const state: Link = { link, end: null, giveUp: () => (given = true) };
    this.links.set(peerId, state);
    network.queue.after(lateMs, () => {
      if (given || !this.alive) return;
      state.giveUp = network.dial(this, this.name, `server${peerId}`, this.linkHandler(peerId, state));
    });
  }

  private linkHandler(peerId: number, state: Link): DialHandler {
    const { link } = state;
    const handler: FrameHandler = {
      onMessage: (message) => this.step({ type: 'linkMessage', peerId, link, message }),
      onBody: () => {},
      onEnd: () => {},
      onUnknown: (error) => {
        throw error;
      },
    };
    const decoder = new FrameDecoder(DIALED_LIMITS, handler);
    const closed = (refused: boolean): void => {
      state.end?.close();
      this.step({ type: 'linkClosed', peerId, link, refused });
    };
    return {
      onOpened: (end) => {
        if (this.links.get(peerId)?.link !== link) return end.close();
        state.end = end;
        this.step({ type: 'linkOpened', peerId, link });
      },
      onRefused: () => closed(true),
      onData: (bytes) => {
        if (this.links.get(peerId)?.link === link) decoder.push(bytes);
      },
      onEnd: () => closed(false),
      onReset: () => closed(false),
    };
  }

  private drop(peerId: number): void {
    const link = this.links.get(peerId);
    if (!link) return;
    link.giveUp();
    link.end?.close();
    this.links.delete(peerId);
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  return Buffer.concat(chunks);
}
