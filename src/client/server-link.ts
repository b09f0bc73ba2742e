/** The connection of one client to one server, dialed at once and kept open; responses find their requests by id. */
import type { Clock } from '../core/environment';
import type { ClusterError } from '../core/errors';
import { messageToJson } from '../core/message';
import type { Message, MessageOf } from '../core/protocol';
import type { PauseWatch } from '../core/system/pause-watch';
import type { FrameForm } from '../core/transport/wire/frame';
import {
  CLIENT_LIMITS,
  type CloseReason,
  type ConnectionHandler,
  type FrameWatch,
  type Secure,
} from '../core/transport/network';
import type { AttemptEffect } from './attempt/effects';
import { maxCarrierBytes } from '../imaging/decoder';
import { IncomingCarrier } from './incoming-carrier';
import { type ExpectedServer, Introduction } from './introduction';
import type { DialLink, LinkConnection } from './link-connection';
import type { LinkRequest } from './link-request';
import { Silence } from './silence';
import { Strays } from './strays';

/** Above this size, closing the connection is cheaper than transferring unwanted bytes. */
const CHEAPER_TO_CLOSE_BYTES = 1024 * 1024;
/** Errors caused by our frame rather than the server's state: the same frame would fail anywhere. */
const FRAME_FAULTS = ['frame_too_large', 'bad_frame', 'bad_message', 'unknown_message', 'secret_too_large'];

export interface LinkOptions {
  address: string;
  dial: DialLink;
  clock: Clock;
  pauses: PauseWatch;
  connectTimeoutMs: number;
  watch?: FrameWatch;
  /** Default: no TLS. */
  secure?: Secure;
  /** The server that must be there before anything is sent; default: the address is configured. */
  expected?: ExpectedServer;
  /** A message arrived, or a part of a body, or the server takes what is sent: there is a server. */
  onHeard(): void;
  /** The server reported its id. */
  onNamed?(serverId: number): void;
  /** The reason why TLS with the server failed. */
  onTlsProblem?(problem: string): void;
  /** Called with the server's breach of the protocol, unless its TLS is the reason. */
  onBroken?(problem: string): void;
  /** The expected server is there. */
  onProven?(): void;
  /** Another program is there. */
  onStranger?(problem: string): void;
  /** The link must not be used any more. */
  onRetired(link: ServerLink): void;
  /** The connection has closed; the requests that waited on it are notified afterwards. */
  onClosed(link: ServerLink, reason: CloseReason): void;
}

interface Ask {
  request: LinkRequest;
  askId: number;
  bytes: number;
}

interface Send {
  request: LinkRequest;
  sendId: number;
  bytes: number;
}

export class ServerLink implements ConnectionHandler {
  readonly address: string;
  private readonly connection: LinkConnection;
  private readonly asks = new Map<number, Ask>();
  private readonly sends = new Map<number, Send>();
  /** The send whose carrier is arriving. */
  private incoming: { send: Send; carrier: IncomingCarrier } | null = null;
  private bodyLeftBytes = 0;
  /** Grows with what is sent: no response above what the largest secret allows is read. */
  private readonly limits = { ...CLIENT_LIMITS };
  private readonly strays = new Strays();
  /** Set while the server has yet to prove that it is the expected one. */
  private introduction: Introduction | undefined;
  /** The connection is open and the server known. */
  private isOpen = false;
  private isRetired = false;
  private readonly silence: Silence;
  private unsentBytesAtPing = 0;
  private hasTlsProblem = false;
  /** The server's breach of the protocol. */
  private fault: string | undefined;

  /** Begins to connect. @throws ClusterError `bad_config` if the address is not one */
  constructor(private readonly options: LinkOptions) {
    const { address, dial, connectTimeoutMs, watch, clock, pauses, secure, expected } = options;
    this.address = address;
    this.silence = new Silence(pauses);
    this.introduction = expected && new Introduction(expected, connectTimeoutMs, clock);
    this.connection = dial(address, {
      connectTimeoutMs,
      watch,
      secure,
      serverId: expected?.id,
      limits: this.limits,
      handler: this,
      monotonicMs: () => clock.monotonicMs(),
    });
  }

  /** A carrier has begun to arrive and is not fully verified. */
  get isReceiving(): boolean {
    return this.incoming !== null;
  }

  /** The connection may be dead: the server should be dialed again. */
  get isMute(): boolean {
    return this.silence.isLong(this.connection.lastReadMs);
  }

  /** Sends nothing new over it; closes it when everything sent over it has ended. */
  retire(): void {
    this.isRetired = true;
    this.options.onRetired(this);
    if (this.isIdle) this.connection.destroy();
  }

  ask(request: LinkRequest, { askId, excludedIds, timeoutMs }: Extract<AttemptEffect, { type: 'ask' }>): void {
    this.silence.asked(this.connection.lastReadMs);
    const { name, secret, waitingMs } = request;
    const sizes = { timeout_ms: timeoutMs, secret_bytes: secret.length, waiting_ms: waitingMs };
    const message: Message = { kind: 'TaskAssignmentRequest', ...name, excluded_server_ids: excludedIds, ...sizes };
    const ask = { request, askId, bytes: 0 };
    this.asks.set(request.name.request_id, ask);
    this.whenKnown(() => {
      if (this.asks.get(request.name.request_id) === ask) ask.bytes = this.tell(request, message);
    });
  }

  /** The response to an ask is no longer awaited. */
  forgetAsk(request: LinkRequest): void {
    this.asks.delete(request.name.request_id);
    this.ended();
  }

  /** Sends the secret by reference: it must not change until the request has ended. */
  send(request: LinkRequest, send: { sendId: number; leaderId: number | null; timeoutMs: number }): void {
    this.silence.asked(this.connection.lastReadMs);
    const { sendId, leaderId, timeoutMs } = send;
    const more = { assigned_by_leader: leaderId ?? 0, timeout_ms: timeoutMs };
    const message: Message = { kind: 'TaskRequest', ...request.name, ...more };
    const waiting = { request, sendId, bytes: 0 };
    this.sends.set(request.name.request_id, waiting);
    this.whenKnown(() => {
      if (this.sends.get(request.name.request_id) === waiting) this.sendBody(waiting, message);
    });
  }

  ack(request: LinkRequest): void {
    this.tell(request, { kind: 'TaskAck', ...request.name });
  }

  /** Asks for a sign of life: any message is one, and so is the progress of what is being sent. Counts for no request. */
  ping(): void {
    const unsentBytes = this.connection.unsentBytes;
    if (unsentBytes < this.unsentBytesAtPing) this.options.onHeard();
    this.unsentBytesAtPing = unsentBytes;
    this.silence.asked(this.connection.lastReadMs);
    this.whenKnown(() => this.connection.send({ kind: 'LeaderQuery' }));
  }

  /** The response of this send is no longer wanted. */
  cancel(request: LinkRequest, sendId: number): void {
    const send = this.sends.get(request.name.request_id);
    if (send?.sendId !== sendId) return;
    this.sends.delete(request.name.request_id);
    const isArriving = this.incoming?.send === send;
    if (isArriving) this.dropIncoming();
    else this.strays.cancelled(request.secret.length);
    if (this.isIdle && this.isCheaperToClose(isArriving)) {
      if (!this.isOpen) request.bytesSent -= send.bytes;
      // A server treats the mere end of a stream as that of a client that still awaits its responses.
      else if (!isArriving) this.tell(request, { kind: 'TaskCancel', ...request.name });
      return this.discard();
    }
    if (this.introduction === undefined) this.tell(request, { kind: 'TaskCancel', ...request.name });
    this.ended();
  }

  /** Closes after everything sent has been written; `onClosed` follows within about a second. */
  end(): void {
    if (this.isOpen) this.connection.end();
    else this.connection.destroy();
  }

  onTlsProblem(problem: string): void {
    this.hasTlsProblem = true;
    this.options.onTlsProblem?.(problem);
  }

  onProtocolError({ code, message, retryable }: ClusterError): void {
    // Retryable errors are about our own memory.
    if (!retryable) this.broken(message);
    // It would be read, only to be discarded.
    if (code === 'frame_too_large') this.connection.destroy();
  }

  onOpen(): void {
    if (this.introduction === undefined) this.begin();
    else this.introduction.ask(this.connection);
  }

  onMessage(message: Message, form: FrameForm, bodyLength: number): void {
    if (this.introduction !== undefined) return this.meet(this.introduction, message);
    this.bodyLeftBytes = bodyLength;
    this.options.onHeard();
    if (message.kind === 'TaskAssignmentResponse') this.assigned(message, form);
    else if (message.kind === 'TaskResponse') this.answered(message, form, bodyLength);
    else if (message.kind === 'Error') this.blamed(message);
    else this.stray();
  }

  onBody(chunk: Uint8Array): void {
    this.bodyLeftBytes -= chunk.length;
    this.options.onHeard();
    const incoming = this.incoming;
    if (incoming === null) return;
    incoming.send.request.bytesReceived += chunk.length;
    const problem = incoming.carrier.push(chunk);
    if (problem !== undefined) this.corrupted(incoming.send, problem);
  }

  onEnd(): void {
    const incoming = this.incoming;
    if (incoming === null) return;
    const { send, carrier } = incoming;
    const problem = carrier.finish();
    if (problem !== undefined) return this.corrupted(send, problem);
    this.incoming = null;
    this.sends.delete(send.request.name.request_id);
    send.request.verified(send.sendId, carrier.take());
    this.ended();
  }

  onUnknown(error: ClusterError): void {
    // Newer servers may send unknown messages; a known response that is invalid will never become valid.
    if (error.code !== 'unknown_message') this.connection.fail(error, 'protocol');
    else this.stray();
  }

  onClose(reason: CloseReason): void {
    this.introduction?.end();
    this.dropIncoming();
    this.options.onRetired(this);
    this.options.onClosed(this, reason);
    const sends = [...this.sends.values()];
    const asks = [...this.asks.values()];
    this.sends.clear();
    this.asks.clear();
    if (!this.isOpen) for (const { request, bytes } of [...sends, ...asks]) request.bytesSent -= bytes;
    for (const { request, sendId } of sends) {
      request.sendLost(sendId, this.address, reason, reason === 'protocol' ? this.fault : undefined);
    }
    for (const { request, askId } of asks) request.askLost(askId, this.address, reason);
  }

  private get isIdle(): boolean {
    return this.asks.size === 0 && this.sends.size === 0;
  }

  private begin(): void {
    this.isOpen = true;
    this.silence.connected(this.connection.lastReadMs);
  }

  private meet(introduction: Introduction, message: Message): void {
    const problem = introduction.problem(message);
    if (problem !== undefined) {
      this.options.onStranger?.(problem);
      return this.connection.destroy();
    }
    this.introduction = undefined;
    this.options.onProven?.();
    this.begin();
    introduction.done();
  }

  /** Calls `tell` at once, except for servers that have not yet proved their identity. */
  private whenKnown(tell: () => void): void {
    this.strays.sent();
    if (this.introduction === undefined) tell();
    else this.introduction.later(tell);
  }

  private sendBody(send: Send, message: Message): void {
    const { connection } = this;
    const { request } = send;
    const before = connection.bytesWritten;
    const answerBytes = CLIENT_LIMITS.maxFrameBytes + maxCarrierBytes(request.secret.length);
    this.limits.maxFrameBytes = Math.max(this.limits.maxFrameBytes, answerBytes);
    connection.sendBody(message, request.secret.length).write(request.secret);
    send.bytes = connection.bytesWritten - before;
    request.bytesSent += send.bytes;
  }

  private broken(problem: string): void {
    this.fault = problem;
    if (!this.hasTlsProblem) this.options.onBroken?.(problem);
  }

  /** Handles input that no request awaits: a late response, or a server that sends without end. */
  private stray(bodyLength = 0): void {
    if (!this.strays.isTooMuch(bodyLength)) return;
    this.broken('it sends more than was requested');
    this.connection.abandon('protocol');
  }

  private assigned(response: MessageOf<'TaskAssignmentResponse'>, form: FrameForm): void {
    const ask = this.asks.get(response.request_id);
    if (ask === undefined) return this.stray();
    this.asks.delete(response.request_id);
    ask.request.bytesReceived += headBytes(response, form);
    ask.request.assigned(ask.askId, response);
    this.ended();
  }

  private answered(response: MessageOf<'TaskResponse'>, form: FrameForm, bodyLength: number): void {
    const send = this.sends.get(response.request_id);
    if (response.server_id !== undefined) this.options.onNamed?.(response.server_id);
    if (send === undefined) {
      if (bodyLength > CHEAPER_TO_CLOSE_BYTES && this.isIdle) return this.discard();
      return this.stray(bodyLength);
    }
    const { request } = send;
    request.bytesReceived += headBytes(response, form);
    if (response.success) {
      this.incoming = { send, carrier: new IncomingCarrier(request.secret, request.keepsCarrier) };
      return;
    }
    this.sends.delete(response.request_id);
    const { error_code: code, error_message: message, retry_after_ms: retryAfterMs } = response;
    request.refused(send.sendId, this.address, { code, message: message ?? 'no reason given', retryAfterMs });
    // The rest of the secret would be read, only to be discarded.
    if (this.isIdle && this.connection.unsentBytes > CHEAPER_TO_CLOSE_BYTES) this.discard();
    this.ended();
  }

  /** An Error names no request: it is attributed to one only if it can mean no other. */
  private blamed({ code, message }: MessageOf<'Error'>): void {
    const [send] = this.sends.values();
    if (send === undefined || this.sends.size > 1 || this.asks.size > 0 || !FRAME_FAULTS.includes(code)) {
      return this.stray();
    }
    this.sends.delete(send.request.name.request_id);
    send.request.refused(send.sendId, this.address, { code, message });
    this.ended();
  }

  private corrupted({ request, sendId }: Send, problem: string): void {
    this.incoming = null;
    this.sends.delete(request.name.request_id);
    request.corrupted(sendId, this.address, problem);
    if (this.bodyLeftBytes > CHEAPER_TO_CLOSE_BYTES && this.isIdle) this.discard();
    this.ended();
  }

  private dropIncoming(): void {
    this.incoming?.carrier.close();
    this.incoming = null;
  }

  private isCheaperToClose(isArriving: boolean): boolean {
    if (!this.isOpen || this.connection.unsentBytes > CHEAPER_TO_CLOSE_BYTES) return true;
    if (isArriving) return this.bodyLeftBytes > CHEAPER_TO_CLOSE_BYTES;
    return this.isMute;
  }

  /** One awaited response less. */
  private ended(): void {
    if (this.isRetired && this.isIdle) this.end();
  }

  private discard(): void {
    this.options.onRetired(this);
    this.connection.destroy();
  }

  private tell(request: LinkRequest, message: Message): number {
    const before = this.connection.bytesWritten;
    this.connection.send(message);
    const bytes = this.connection.bytesWritten - before;
    request.bytesSent += bytes;
    return bytes;
  }
}

/** A frame without its body: exact for servers with short texts and no unknown fields. */
function headBytes(message: Message, form: FrameForm): number {
  return (form === 'envelope' ? 9 : 4) + Buffer.byteLength(messageToJson(message));
}
