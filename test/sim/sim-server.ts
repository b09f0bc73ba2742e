import { ACCEPTED_LIMITS, DIALED_LIMITS } from '../../src/core/transport/wire/frame-limits';
import {
  encodeEnvelopeHead,
  encodeMessage,
  FrameDecoder,
  type FrameHandler,
} from '../../src/core/transport/wire/frame';
import type { Random } from '../../src/core/environment';
import type { ServerEvent } from '../../src/core/metrics/record';
import type { Message, MessageOf } from '../../src/core/protocol';
import type { Effect, ExecutionOutcome, Input, MemberConfig } from '../../src/server/member/effects';
import { Member } from '../../src/server/member/member';
import { carrierOf } from './carriers';
import type { DialHandler, End, Network } from './network';
import { Process, type SimClock } from './process';

interface Conn {
  id: number;
  end: End;
  task: { message: Message; executionId: number; chunks: Uint8Array[] } | null;
  openTasks: number;
  isSubscriber: boolean;
  /** The other side has ended its stream and waits for its answers. */
  isHalfOpen: boolean;
}

interface Link {
  link: number;
  end: End | null;
  giveUp(): void;
}

export interface SimServerOptions {
  config: MemberConfig;
  network: Network;
  random: Random;
  clock: SimClock;
  record(event: ServerEvent): void;
  serviceMs(): number;
  /** The longest delay of an outgoing dial. */
  maxLateDialMs: number;
}

/** The real Member, with the real codec, on simulated sockets and time. */
export class SimServer extends Process {
  readonly member: Member;
  stopped = false;

  private readonly conns = new Map<number, Conn>();
  private readonly links = new Map<number, Link>();
  /** The tasks that are held for clients, by execution id. */
  private readonly held = new Map<number, { conn: Conn; secret: Uint8Array }>();
  private lastId = 0;
  private armedForMs = Infinity;
  private cancelTimer: (() => void) | undefined;

  constructor(
    name: string,
    private readonly options: SimServerOptions,
  ) {
    const { config, network, random, clock } = options;
    super(name, network.queue, random, clock);
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
    for (const end of [...this.options.network.ends]) if (end.process === this) end.close();
  }

  override accept(end: End): void {
    const conn: Conn = { id: ++this.lastId, end, task: null, openTasks: 0, isSubscriber: false, isHalfOpen: false };
    this.conns.set(conn.id, conn);
    const info = { id: conn.id, localAddress: this.name, remoteHost: end.remoteName };
    const decoder = new FrameDecoder(ACCEPTED_LIMITS, {
      onMessage: (message) => {
        if (message.kind === 'TaskRequest') conn.task = { message, executionId: ++this.lastId, chunks: [] };
        else this.step({ type: 'connMessage', conn: info, message });
      },
      onBody: (chunk) => conn.task!.chunks.push(chunk.slice()),
      onEnd: () => {
        const { task } = conn;
        if (!task) return;
        conn.task = null;
        const { message, executionId, chunks } = task;
        this.held.set(executionId, { conn, secret: concat(chunks) });
        conn.openTasks += 1;
        this.step({ type: 'connMessage', conn: info, message, executionId });
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
    };
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
        return this.release(effect.executionId);
      case 'event': {
        const { config, record } = this.options;
        return record({ time: this.clock.unixMs(), server_id: config.id, ...effect.event });
      }
      case 'stopped':
        this.stopped = true;
        this.kill();
    }
  }

  /** Disconnects a subscriber that does not read, rather than waiting for it. */
  private sendTo(connId: number, bytes: Uint8Array, isHeartbeat: boolean): void {
    const conn = this.conns.get(connId);
    if (!conn) return;
    if (isHeartbeat) conn.isSubscriber = true;
    conn.end.send(bytes);
    if (this.options.network.isStuck(conn.end)) this.hangUp(connId);
    else if (conn.isHalfOpen) this.closeIfAnswered(conn);
  }

  private closeIfAnswered(conn: Conn): void {
    if (conn.openTasks === 0 && !this.member.owesAnswer(conn.id)) this.hangUp(conn.id);
  }

  private hangUp(connId: number): void {
    this.conns.get(connId)?.end.close();
    if (this.conns.delete(connId)) this.step({ type: 'connClosed', connId });
  }

  private execute({ executionId, requestId }: Extract<Effect, { type: 'execute' }>): void {
    const finish = (): void => {
      const held = this.held.get(executionId);
      if (!held) return;
      this.ended(executionId, 'answered');
      const response: MessageOf<'TaskResponse'> = {
        kind: 'TaskResponse',
        request_id: requestId,
        success: true,
        error_message: null,
        server_id: this.options.config.id,
      };
      const carrier = carrierOf(held.secret);
      held.conn.end.send(concat([encodeEnvelopeHead(response, carrier.length), carrier]));
      if (held.conn.isHalfOpen) this.closeIfAnswered(held.conn);
    };
    const { network, serviceMs } = this.options;
    network.queue.after(serviceMs(), () => this.deliver(finish));
  }

  private ended(executionId: number, outcome: ExecutionOutcome): void {
    this.release(executionId);
    this.step({ type: 'executed', executionId, outcome });
  }

  private release(executionId: number): void {
    const held = this.held.get(executionId);
    if (!held) return;
    this.held.delete(executionId);
    held.conn.openTasks -= 1;
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
