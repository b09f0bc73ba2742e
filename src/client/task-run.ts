/** One request in flight: performs the effects of its Attempt on the links, and counts bytes. */
import type { Clock, Logger, Random } from '../core/environment';
import type { FailureReason, RequestOutcome, RequestRecord } from '../core/metrics/record';
import type { MessageOf, TaskName } from '../core/protocol';
import type { CloseReason } from '../core/transport/network';
import type { PauseWatch } from '../core/system/pause-watch';
import { Attempt } from './attempt/attempt';
import type { AttemptEffect, AttemptResult, SendFailure } from './attempt/effects';
import type { ClusterView } from './attempt/cluster-view';
import type { Hedging } from './attempt/hedging';
import type { LinkRefusal, LinkRequest } from './link-request';
import type { ServerLink } from './server-link';
import { toMicros } from '../core/to-micros';

/** Error codes that mean "not now": retry on another server or a little later. */
const BUSY_CODES = ['overloaded', 'starting', 'leaving'];

/** Shared by the requests of one client. */
export interface TaskRunContext {
  clientId: number;
  requestTimeoutMs: number;
  view: ClusterView;
  hedging: Hedging;
  random: Random;
  clock: Clock;
  pauses: PauseWatch;
  log?: Logger;
  /** Returns the existing link or a new one. @throws ClusterError if `address` is not an address */
  linkTo(address: string): ServerLink;
  /** The time since this client's last success, or since the first request after that, in whole milliseconds. */
  waitingMs(): number;
  /** Returns where to reach a server that another one named, as known here; null if this client would not dial it. */
  admit(named: MessageOf<'TaskAssignmentResponse'>): string | null;
}

export interface TaskRunOptions {
  name: Required<TaskName>;
  image: { name: string; bytes: Uint8Array };
  /** Monotonic. */
  intendedStartMs: number;
  /** Gets the verified carrier, in the chunks in which it arrived. Without it the carrier is not kept. */
  onCarrier?(chunks: Uint8Array[]): void;
  /** A server refused the task for good. */
  onServerError?(code: string | undefined, message: string): void;
  onDone(record: RequestRecord): void;
}

export class TaskRun implements LinkRequest {
  readonly name: Required<TaskName>;
  readonly secret: Uint8Array;
  bytesSent = 0;
  bytesReceived = 0;
  private readonly attempt: Attempt;
  private readonly startMs: number;
  private askLink: ServerLink | undefined;
  /** The link that each send uses, even if that has been retired since. */
  private readonly sendLinks = new Map<number, ServerLink>();
  private cancelTimer: (() => void) | undefined;
  private timerAtMs = Infinity;

  constructor(
    private readonly context: TaskRunContext,
    private readonly options: TaskRunOptions,
  ) {
    const { view, hedging, random, clock, requestTimeoutMs } = context;
    this.name = options.name;
    this.secret = options.image.bytes;
    this.startMs = clock.monotonicMs();
    const { name: image, bytes } = options.image;
    const task = { ...options.name, image, secretBytes: bytes.length };
    this.attempt = new Attempt(task, requestTimeoutMs, view, hedging, random, this.startMs);
  }

  get keepsCarrier(): boolean {
    return this.options.onCarrier !== undefined;
  }

  get waitingMs(): number {
    return this.context.waitingMs();
  }

  start(): void {
    this.perform(this.attempt.start(this.startMs));
  }

  /** The user stops the run: ends as `interrupted` and cancels what is in flight. */
  abandon(): void {
    if (this.attempt.finished) return;
    this.forgetAsk();
    for (const effect of this.attempt.abandon()) this.performOne(effect);
    this.done(null);
  }

  /** This process stood still until now. */
  resumed(pausedMs: number, nowMs: number): void {
    this.perform(this.attempt.onResume(pausedMs, nowMs));
  }

  /** Returns the record of a request that was not sent: a failure if there is a reason, else undecided. */
  unsent(reason: FailureReason | null): RequestRecord {
    return { ...this.record(null), outcome: reason === null ? 'unsent' : 'failure', failure_reason: reason };
  }

  assigned(askId: number, response: MessageOf<'TaskAssignmentResponse'>): void {
    response.assigned_server_address = this.context.admit(response);
    this.perform(this.attempt.onAssignment(askId, response, this.nowMs));
  }

  askLost(askId: number, address: string, reason: CloseReason): void {
    this.say(`asked ${address} for a server: ${reason}`);
    this.perform(this.attempt.onAskLost(askId, this.nowMs));
  }

  sendLost(sendId: number, address: string, reason: CloseReason, fault?: string): void {
    this.say(`sent to ${address}: ${reason}${fault === undefined ? '' : ` (${fault})`}`);
    const failure: SendFailure = fault === undefined ? { kind: 'lost' } : { kind: 'broken', message: fault };
    this.perform(this.attempt.onSendFailed(sendId, failure, this.nowMs));
  }

  refused(sendId: number, address: string, { code, message, retryAfterMs }: LinkRefusal): void {
    this.say(`refused by ${address}: ${message}${code === undefined ? '' : ` (${code})`}`);
    const isBusy = code !== undefined && BUSY_CODES.includes(code);
    if (!isBusy) this.options.onServerError?.(code, message);
    const failure = isBusy ? { kind: 'busy' as const, retryAfterMs } : { kind: 'error' as const, message };
    this.perform(this.attempt.onSendFailed(sendId, failure, this.nowMs));
  }

  corrupted(sendId: number, address: string, why: string): void {
    this.context.log?.('error', `request ${this.name.request_id}: wrong carrier from ${address}: ${why}`);
    this.perform(this.attempt.onCorrupted(sendId, this.nowMs));
  }

  verified(sendId: number, chunks: Uint8Array[] | null): void {
    if (chunks !== null) this.options.onCarrier?.(chunks);
    this.perform(this.attempt.onVerified(sendId, this.nowMs));
  }

  /** A pause of this process is noticed before anything is judged by this time. */
  private get nowMs(): number {
    return this.context.pauses.look();
  }

  private perform(effects: AttemptEffect[]): void {
    for (const effect of effects) this.performOne(effect);
    this.arm();
  }

  private performOne(effect: AttemptEffect): void {
    switch (effect.type) {
      case 'ask':
        return this.ask(effect);
      case 'send':
        return this.send(effect);
      case 'cancel':
        this.forgetAsk();
        return this.sendLinks.get(effect.sendId)?.cancel(this, effect.sendId);
      case 'ack':
        return this.sendLinks.get(effect.sendId)?.ack(this);
      case 'ping':
        return this.reach(effect.address, () => undefined)?.ping();
      case 'finish':
        return this.done(effect.result);
    }
  }

  private ask(effect: Extract<AttemptEffect, { type: 'ask' }>): void {
    const { askId, address } = effect;
    this.forgetAsk();
    const link = this.reach(address, () => this.askLost(askId, address, 'unreachable'));
    this.askLink = link;
    link?.ask(this, effect);
  }

  private send(effect: Extract<AttemptEffect, { type: 'send' }>): void {
    const { sendId, address } = effect;
    const link = this.reach(address, () => this.sendLost(sendId, address, 'unreachable'));
    if (link === undefined) return;
    this.sendLinks.set(sendId, link);
    link.send(this, effect);
  }

  /** Without a link `lost` is called later: the attempt must not be called from within its own effects. */
  private reach(address: string, lost: () => void): ServerLink | undefined {
    try {
      return this.context.linkTo(address);
    } catch {
      this.context.clock.after(0, lost);
      return undefined;
    }
  }

  private forgetAsk(): void {
    this.askLink?.forgetAsk(this);
    this.askLink = undefined;
  }

  /** At most one timer; if the wake-up time only moved later, it fires early once and is then reset. */
  private arm(): void {
    const { wakeAtMs, finished } = this.attempt;
    if (finished || this.timerAtMs <= wakeAtMs) return;
    this.cancelTimer?.();
    this.timerAtMs = wakeAtMs;
    const delayMs = Math.max(0, Math.ceil(wakeAtMs - this.nowMs));
    this.cancelTimer = this.context.clock.after(delayMs, () => this.wake());
  }

  private wake(): void {
    this.timerAtMs = Infinity;
    this.perform(this.attempt.tick(this.nowMs));
  }

  private say(text: string): void {
    this.context.log?.('debug', `request ${this.name.request_id} ${text}`);
  }

  private done(result: AttemptResult | null): void {
    this.forgetAsk();
    this.cancelTimer?.();
    this.options.onDone(this.record(result));
  }

  private record(result: AttemptResult | null): RequestRecord {
    const { clientId, view, clock } = this.context;
    const { intendedStartMs, image } = this.options;
    const nowMs = this.nowMs;
    const isUndecided = result === null || result.undecided;
    const outcome: RequestOutcome = isUndecided ? 'interrupted' : result.success ? 'success' : 'failure';
    const address = result?.serverAddress ?? null;
    const wrong = this.attempt.wrongAddresses.map((each) => view.idOf(each));
    return {
      client_id: clientId,
      request_id: this.name.request_id,
      start_time: toMicros(clock.unixMs(intendedStartMs)),
      latency_ms: toMicros(nowMs - intendedStartMs),
      service_ms: toMicros(nowMs - this.startMs),
      success: outcome === 'success',
      failure_reason: result?.failureReason ?? null,
      assigned_server_id: address === null ? null : view.idOf(address),
      retry_count: result?.retryCount ?? 0,
      hedged: result?.hedged ?? false,
      bytes_sent: this.bytesSent,
      bytes_received: this.bytesReceived,
      image: image.name,
      term: result?.term ?? view.term,
      outcome,
      run_id: this.name.run_id,
      ...(wrong.length > 0 && { wrong_carriers: wrong }),
    };
  }
}
