import { Attempt, type AttemptEffect } from '../../src/client/attempt/attempt';
import { ClusterView } from '../../src/client/attempt/cluster-view';
import type { Hedging } from '../../src/client/attempt/hedging';
import type { Random } from '../../src/core/environment';
import type { RequestRecord } from '../../src/core/metrics/record';
import { encodeEnvelopeHead, encodeMessage, FrameDecoder } from '../../src/core/transport/wire/frame';
import { ACCEPTED_LIMITS } from '../../src/core/transport/wire/frame-limits';
import type { End, Network, Process } from './network';
import { concat } from './sim-server';

const CLIENT_LIMITS = { ...ACCEPTED_LIMITS };
/** The same as in src/client/client.ts and server-link.ts. */
const CONNECT_TIMEOUT_MS = 1000;
const SILENT_MS = 1000;

interface Conn {
  end: End | null;
  waiting: Uint8Array[];
  asks: Map<number, number>; // request id → ask id
  sends: Map<number, number>; // request id → send id
  /** The time of the last read, or else of the connection. */
  readMs: number;
  /** The time of the first message since then that needs an answer. */
  unansweredMs: number | null;
  giveUp(): void;
}

export type ClientRecord = RequestRecord & { client_name: string };

/** One virtual client in a closed loop: the real Attempt on simulated sockets. */
export class SimClient implements Process {
  alive = true;
  paused = false;
  inbox: (() => void)[] = [];
  readonly records: ClientRecord[] = [];

  private readonly view: ClusterView;
  private readonly conns = new Map<string, Conn>();
  private attempt: Attempt | null = null;
  private requestId = 0;
  private startMs = 0;
  private secret: Uint8Array = new Uint8Array();

  constructor(
    readonly name: string,
    private readonly network: Network,
    private readonly random: Random,
    private readonly options: {
      addresses: string[];
      tasks: number;
      timeoutMs: number;
      thinkMs: () => number;
      hedging: Hedging;
      clientId: number;
    },
  ) {
    this.view = new ClusterView(options.addresses, random, options.hedging.slow);
    network.register(this);
  }

  get isDone(): boolean {
    return this.records.length === this.options.tasks;
  }

  accept(): void {}

  begin(): void {
    this.requestId += 1;
    this.startMs = this.network.queue.nowMs;
    this.secret = Buffer.from(`${this.name}/${this.requestId}/${this.random()}`);
    const task = { run_id: 'sim', client_name: this.name, request_id: this.requestId, image: 'sim' };
    const { timeoutMs, hedging } = this.options;
    this.attempt = new Attempt(task, timeoutMs, this.view, hedging, this.random, this.startMs);
    this.perform(this.attempt.start(this.startMs));
  }

  private get nowMs(): number {
    return this.network.queue.nowMs;
  }

  private perform(effects: AttemptEffect[]): void {
    for (const effect of effects) this.performOne(effect);
    const { attempt } = this;
    if (!attempt || attempt.finished || attempt.wakeAtMs === Infinity) return;
    const { wakeAtMs } = attempt;
    this.network.queue.at(wakeAtMs + 0.001, () => {
      if (this.attempt === attempt && attempt.wakeAtMs === wakeAtMs) this.perform(attempt.tick(this.nowMs));
    });
  }

  private performOne(effect: AttemptEffect): void {
    const name = { run_id: 'sim', client_name: this.name, request_id: this.requestId };
    switch (effect.type) {
      case 'ask': {
        const conn = this.conn(effect.address);
        this.wantAnswer(conn);
        conn.asks.set(this.requestId, effect.askId);
        const excluded_server_ids = effect.excludedIds;
        return this.write(conn, encodeMessage({ kind: 'TaskAssignmentRequest', ...name, excluded_server_ids }));
      }
      case 'send': {
        const conn = this.conn(effect.address);
        conn.sends.set(this.requestId, effect.sendId);
        this.wantAnswer(conn);
        const head = encodeEnvelopeHead(
          { kind: 'TaskRequest', ...name, assigned_by_leader: effect.leaderId ?? 0, timeout_ms: effect.timeoutMs },
          this.secret.length,
        );
        return this.write(conn, concat([head, this.secret]));
      }
      case 'cancel': {
        const conn = this.conns.get(effect.address);
        if (conn?.sends.get(this.requestId) === effect.sendId) conn.sends.delete(this.requestId);
        if (conn && this.isMute(conn)) this.discard(effect.address, conn);
        else if (conn) this.write(conn, encodeMessage({ kind: 'TaskCancel', ...name }));
        return;
      }
      case 'ack':
        return this.write(this.conn(effect.address), encodeMessage({ kind: 'TaskAck', ...name }));
      case 'ping': {
        const conn = this.conns.get(effect.address) ?? this.conn(effect.address);
        this.wantAnswer(conn);
        return this.write(conn, encodeMessage({ kind: 'LeaderQuery' }));
      }
      case 'finish':
        return this.finish(effect.result);
    }
  }

  private finish(result: Extract<AttemptEffect, { type: 'finish' }>['result']): void {
    const latencyMs = this.nowMs - this.startMs;
    this.records.push({
      client_id: this.options.clientId,
      request_id: this.requestId,
      start_time: this.startMs,
      latency_ms: latencyMs,
      service_ms: latencyMs,
      success: result.success,
      failure_reason: result.failureReason,
      assigned_server_id: result.serverAddress === null ? null : this.view.idOf(result.serverAddress),
      retry_count: result.retryCount,
      hedged: result.hedged,
      bytes_sent: 0,
      bytes_received: 0,
      image: 'sim',
      term: result.term,
      outcome: result.undecided ? 'interrupted' : result.success ? 'success' : 'failure',
      run_id: 'sim',
      client_name: this.name,
    });
    if (!this.isDone) this.network.queue.after(this.options.thinkMs(), () => this.begin());
  }

  private write(conn: Conn, bytes: Uint8Array): void {
    if (conn.end) conn.end.send(bytes);
    else conn.waiting.push(bytes);
  }

  private conn(address: string): Conn {
    const open = this.conns.get(address);
    if (open && !this.isMute(open)) return open;
    if (open) this.discard(address, open);
    const conn: Conn = {
      end: null,
      waiting: [],
      asks: new Map(),
      sends: new Map(),
      readMs: this.nowMs,
      unansweredMs: null,
      giveUp: () => {},
    };
    this.conns.set(address, conn);
    const lost = (): void => this.lost(address, conn);
    conn.giveUp = this.network.dial(this, address, {
      onOpened: (end) => {
        conn.end = end;
        conn.readMs = this.nowMs;
        if (conn.unansweredMs !== null) conn.unansweredMs = this.nowMs;
        for (const bytes of conn.waiting) end.send(bytes);
      },
      onRefused: lost,
      onClosed: lost,
      onData: this.reader(address, conn),
    });
    this.network.queue.after(CONNECT_TIMEOUT_MS, () => {
      if (conn.end !== null || this.conns.get(address) !== conn) return;
      conn.giveUp();
      lost();
    });
    return conn;
  }

  private wantAnswer(conn: Conn): void {
    if (conn.unansweredMs === null || conn.readMs > conn.unansweredMs) conn.unansweredMs = this.nowMs;
  }

  private isMute({ readMs, unansweredMs }: Conn): boolean {
    return unansweredMs !== null && readMs <= unansweredMs && this.nowMs - unansweredMs >= SILENT_MS;
  }

  /** Drops a silent connection: the next request dials again. */
  private discard(address: string, conn: Conn): void {
    this.conns.delete(address);
    conn.giveUp();
    conn.end?.close();
  }

  private reader(address: string, conn: Conn): (bytes: Uint8Array) => void {
    let response: { request_id: number; success: boolean; error_message: string | null; error_code?: string } | null;
    let chunks: Uint8Array[] = [];
    const decoder = new FrameDecoder(CLIENT_LIMITS, {
      onMessage: (message) => {
        response = message.kind === 'TaskResponse' ? message : null;
        chunks = [];
        if (message.kind !== 'TaskAssignmentResponse') return;
        const askId = conn.asks.get(message.request_id);
        conn.asks.delete(message.request_id);
        if (askId === undefined || message.request_id !== this.requestId) return;
        this.perform(this.attempt!.onAssignment(askId, message, this.nowMs));
      },
      onBody: (chunk) => chunks.push(chunk.slice()),
      onEnd: () => {
        if (response) this.answered(conn, response, concat(chunks));
      },
      onUnknown: (error) => {
        throw error;
      },
    });
    return (bytes) => {
      conn.readMs = this.nowMs;
      this.options.hedging.slow.heard(address, this.nowMs);
      decoder.push(bytes);
    };
  }

  private answered(
    conn: Conn,
    response: { request_id: number; success: boolean; error_message: string | null; error_code?: string },
    carrier: Uint8Array,
  ): void {
    const sendId = conn.sends.get(response.request_id);
    conn.sends.delete(response.request_id);
    if (sendId === undefined || response.request_id !== this.requestId) return;
    const attempt = this.attempt!;
    if (response.success) {
      const same = Buffer.compare(carrier, this.secret) === 0;
      return this.perform(same ? attempt.onVerified(sendId, this.nowMs) : attempt.onCorrupted(sendId, this.nowMs));
    }
    const busy = ['overloaded', 'starting', 'leaving'].includes(response.error_code ?? '');
    const failure = busy
      ? { kind: 'busy' as const }
      : { kind: 'error' as const, message: response.error_message ?? '' };
    this.perform(attempt.onSendFailed(sendId, failure, this.nowMs));
  }

  private lost(address: string, conn: Conn): void {
    if (this.conns.get(address) === conn) this.conns.delete(address);
    const { attempt } = this;
    if (!attempt) return;
    const askId = conn.asks.get(this.requestId);
    const sendId = conn.sends.get(this.requestId);
    if (sendId !== undefined) this.perform(attempt.onSendFailed(sendId, { kind: 'lost' }, this.nowMs));
    if (askId !== undefined) this.perform(attempt.onAskLost(askId, this.nowMs));
  }
}
