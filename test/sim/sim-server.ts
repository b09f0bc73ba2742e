import { ACCEPTED_LIMITS, DIALED_LIMITS } from '../../src/core/transport/wire/frame-limits';
import {
  encodeEnvelopeHead,
  encodeMessage,
  FrameDecoder,
  type FrameHandler,
} from '../../src/core/transport/wire/frame';
import type { Random } from '../../src/core/environment';
import type { Message } from '../../src/core/protocol';
import type { Effect, Input, MemberConfig } from '../../src/server/member/effects';
import { Member } from '../../src/server/member/member';
import type { ServerEvent } from '../../src/core/metrics/record';
import type { End, Network, Process } from './network';

/** A server's own clock: it starts anywhere and runs slightly fast or slow. */
export interface SimClock {
  offsetMs: number;
  rate: number;
}

interface Conn {
  id: number;
  end: End;
  task: { message: Message; executionId: number; chunks: Uint8Array[] } | null;
}

/** The real Member, with the real codec, on simulated sockets and time. */
export class SimServer implements Process {
  alive = true;
  paused = false;
  inbox: (() => void)[] = [];
  readonly member: Member;
  stopped = false;

  private readonly conns = new Map<number, Conn>();
  private readonly links = new Map<number, { link: number; end: End | null; giveUp: () => void }>();
  private readonly secrets = new Map<number, Uint8Array>();
  private readonly wanted = new Set<number>();
  private lastId = 0;
  private wakeMs = Infinity;

  constructor(
    readonly name: string,
    private readonly config: MemberConfig,
    private readonly network: Network,
    private readonly random: Random,
    private readonly clock: SimClock,
    private readonly record: (event: ServerEvent) => void,
    private readonly serviceMs: () => number,
    /** The longest delay of an outgoing dial. */
    private readonly maxLateDialMs: number,
  ) {
    this.member = new Member(config);
    network.register(this);
  }

  start(): void {
    this.step({ type: 'start' });
    for (const { id, address } of this.config.peers) this.step({ type: 'peerHosts', peerId: id, hosts: [address] });
    this.network.queue.after(20 + this.random() * 100, () =>
      this.network.deliver(this, () => this.step({ type: 'prepared' })),
    );
  }

  step(input: Input): void {
    if (!this.alive) return;
    const effects = this.member.step(input, { nowMs: this.localMs(), unixMs: this.network.queue.nowMs });
    for (const effect of effects) this.perform(effect);
    this.scheduleWake();
  }

  kill(): void {
    this.alive = false;
    for (const end of [...this.network.ends]) if (end.process === this) end.close();
  }

  pause(): void {
    this.paused = true;
  }

  /** Resumes; the overdue timer fires before the buffered input. */
  resume(): void {
    this.paused = false;
    const inbox = this.inbox;
    this.inbox = [];
    if (this.wakeMs <= this.network.queue.nowMs) this.step({ type: 'tick' });
    for (const run of inbox) run();
  }

  accept(end: End): void {
    const conn: Conn = { id: ++this.lastId, end, task: null };
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
        this.secrets.set(task.executionId, concat(task.chunks));
        this.step({ type: 'connMessage', conn: info, message: task.message, executionId: task.executionId });
      },
      onUnknown: (error) => {
        throw error;
      },
    });
    end.handler = {
      onData: (bytes) => decoder.push(bytes),
      onClosed: () => {
        this.conns.delete(conn.id);
        this.step({ type: 'connClosed', connId: conn.id });
      },
    };
  }

  private localMs(): number {
    return this.clock.offsetMs + this.network.queue.nowMs * this.clock.rate;
  }

  private scheduleWake(): void {
    const wakeMs = (this.member.wakeAtMs - this.clock.offsetMs) / this.clock.rate;
    if (wakeMs >= this.wakeMs && this.wakeMs > this.network.queue.nowMs) return;
    if (wakeMs === Infinity) return;
    this.wakeMs = Math.max(wakeMs, this.network.queue.nowMs);
    const scheduledMs = this.wakeMs;
    this.network.queue.at(scheduledMs + 0.001, () => {
      if (!this.alive || this.paused || this.wakeMs !== scheduledMs) return;
      this.wakeMs = Infinity;
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
        for (const connId of effect.connIds) this.sendTo(connId, bytes);
        return;
      }
      case 'close':
        return this.hangUp(effect.connId);
      case 'execute':
        return this.execute(effect.executionId, effect.connId, effect.requestId);
      case 'discard':
        this.secrets.delete(effect.executionId);
        this.wanted.delete(effect.executionId);
        return;
      case 'event':
        return this.record({ time: this.network.queue.nowMs, server_id: this.config.id, ...effect.event });
      case 'stopped':
        this.stopped = true;
        this.kill();
    }
  }

  /** Disconnects a subscriber that does not read, rather than waiting for it. */
  private sendTo(connId: number, bytes: Uint8Array): void {
    const conn = this.conns.get(connId);
    if (!conn) return;
    conn.end.send(bytes);
    if (this.network.isStuck(conn.end)) this.hangUp(connId);
  }

  private hangUp(connId: number): void {
    this.conns.get(connId)?.end.close();
    if (this.conns.delete(connId)) this.step({ type: 'connClosed', connId });
  }

  private execute(executionId: number, connId: number, requestId: number): void {
    this.wanted.add(executionId);
    const finish = (): void => {
      const secret = this.secrets.get(executionId);
      if (!this.wanted.delete(executionId) || !secret) return;
      this.secrets.delete(executionId);
      const message: Message = { kind: 'TaskResponse', request_id: requestId, success: true, error_message: null };
      this.conns.get(connId)?.end.send(concat([encodeEnvelopeHead(message, secret.length), secret]));
      this.step({ type: 'executed', executionId, outcome: 'answered' });
    };
    this.network.queue.after(this.serviceMs(), () => this.network.deliver(this, finish));
  }

  private dial(peerId: number, link: number): void {
    const lateMs = this.random() < 0.05 ? this.random() * this.maxLateDialMs : 0;
    const state = { link, end: null as End | null, giveUp: () => {} };
    this.links.set(peerId, state);
    let given = false;
    state.giveUp = () => (given = true);
    this.network.queue.after(lateMs, () => {
      if (given || !this.alive) return;
      state.giveUp = this.network.dial(this, `server${peerId}`, this.linkHandler(peerId, state));
    });
  }

  private linkHandler(peerId: number, state: { link: number; end: End | null }) {
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
    return {
      onOpened: (end: End) => {
        if (this.links.get(peerId)?.link !== link) return end.close();
        state.end = end;
        this.step({ type: 'linkOpened', peerId, link });
      },
      onRefused: () => this.step({ type: 'linkClosed', peerId, link, refused: true }),
      onData: (bytes: Uint8Array) => {
        if (this.links.get(peerId)?.link === link) decoder.push(bytes);
      },
      onClosed: () => this.step({ type: 'linkClosed', peerId, link, refused: false }),
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

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  return Buffer.concat(chunks);
}
