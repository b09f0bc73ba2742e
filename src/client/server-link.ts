import type { Clock } from '../core/environment';
import { ClusterError } from '../core/errors';
import { messageToJson } from '../core/message';
import type { Message, MessageOf } from '../core/protocol';
import { ByteBlocks } from '../core/transport/byte-blocks';
import type { FrameForm } from '../core/transport/frame';
import {
  CLIENT_LIMITS,
  type CloseReason,
  type Connection,
  type ConnectionHandler,
  dial,
  type FrameWatch,
  type Secure,
} from '../core/transport/network';
import { CarrierReader, maxCarrierBytes } from '../imaging/decoder';
import { type ExpectedServer, Introduction } from './introduction';
import { Strays } from './strays';
import type { TaskRun } from './task-run';

/** Above this size, closing the connection is cheaper than transferring unwanted bytes. */
const CHEAPER_TO_CLOSE_BYTES = 1024 * 1024;
/** A server that sent nothing for this long after a message that needs a response may be gone: redial it. */
const SILENT_MS = 1000;
/** Errors caused by our frame rather than the server's state: the same frame would fail anywhere. */
const FRAME_FAULTS = ['frame_too_large', 'bad_frame', 'bad_message', 'unknown_message', 'secret_too_large'];

export interface LinkOptions {
  address: string;
  clock: Clock;
  connectTimeoutMs: number;
  watch?: FrameWatch;
  /** Default: no TLS. */
  secure?: Secure;
  /** The server that must be there before anything is sent; default: the address is configured. */
  expected?: ExpectedServer;
  /** A message arrived: there is a server. */
  onHeard(): void;
  /** The server reported its id. */
  onNamed?(serverId: number): void;
  /** The reason why TLS with the server failed. */
  onTlsProblem?(problem: string): void;
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
  run: TaskRun;
  askId: number;
  bytes: number;
}

interface Send {
  run: TaskRun;
  sendId: number;
  bytes: number;
}

/** The connection of one client to one server, dialed at once and kept open; responses find their requests by id. */
export class ServerLink implements ConnectionHandler {
  readonly address: string;
  readonly #options: LinkOptions;
  readonly #connection: Connection;
  readonly #asks = new Map<number, Ask>();
  readonly #sends = new Map<number, Send>();
  /** The send whose carrier is arriving. */
  #incoming: { send: Send; reader: CarrierReader; kept: ByteBlocks | null } | null = null;
  #bodyLeftBytes = 0;
  /** Grows with what is sent: no response above what the largest secret allows is read. */
  readonly #limits = { ...CLIENT_LIMITS };
  readonly #strays = new Strays();
  /** Set while the server has yet to prove that it is the expected one. */
  #introduction: Introduction | undefined;
  /** The connection is open and the server known. */
  #isOpen = false;
  #isRetired = false;
  /** The time of the first unanswered message after the last read. */
  #unansweredSinceMs: number | null = null;
  /** The server's breach of the protocol. */
  #fault: string | undefined;

  /** Begins to connect. @throws ClusterError `bad_config` if the address is not one */
  constructor(options: LinkOptions) {
    const { address, connectTimeoutMs, watch, clock, secure, expected } = options;
    this.address = address;
    this.#options = options;
    this.#introduction = expected && new Introduction(expected, connectTimeoutMs);
    this.#connection = dial(address, {
      connectTimeoutMs,
      watch,
      secure,
      serverId: expected?.id,
      limits: this.#limits,
      handler: this,
      monotonicMs: () => clock.monotonicMs(),
    });
  }

  /** A carrier has begun to arrive and is not fully verified. */
  get isReceiving(): boolean {
    return this.#incoming !== null;
  }

  /**
   * True if nothing arrived for so long that the connection may be dead, as when a firewall dropped its state. Requests
   * that were given up count, too: a hedge wins long before, and a link that one task after another tries would never
   * be found out. But a server that cancels a task does not answer either: then a good connection is replaced.
   */
  get isMute(): boolean {
    const sinceMs = this.#unansweredSinceMs;
    if (sinceMs === null || this.#connection.lastReadMs > sinceMs) return false;
    return this.#options.clock.monotonicMs() - sinceMs >= SILENT_MS;
  }

  /** Sends nothing new over it; closes it when everything sent over it has ended. */
  retire(): void {
    this.#isRetired = true;
    this.#options.onRetired(this);
    if (this.#isIdle) this.#connection.destroy();
  }

  ask(run: TaskRun, askId: number, excludedIds: number[]): void {
    this.#wantAnswer();
    const message: Message = { kind: 'TaskAssignmentRequest', ...run.name, excluded_server_ids: excludedIds };
    const ask = { run, askId, bytes: 0 };
    this.#asks.set(run.name.request_id, ask);
    this.#whenKnown(() => {
      if (this.#asks.get(run.name.request_id) === ask) ask.bytes = this.#tell(run, message);
    });
  }

  /** The response to an ask is no longer awaited. */
  forgetAsk(run: TaskRun): void {
    this.#asks.delete(run.name.request_id);
    this.#ended();
  }

  /** Sends the secret by reference: it must not change until the request has ended. */
  send(run: TaskRun, send: { sendId: number; leaderId: number | null; timeoutMs: number }): void {
    this.#wantAnswer();
    const { sendId, leaderId, timeoutMs } = send;
    const message: Message = {
      kind: 'TaskRequest',
      ...run.name,
      assigned_by_leader: leaderId ?? 0,
      timeout_ms: timeoutMs,
    };
    const waiting = { run, sendId, bytes: 0 };
    this.#sends.set(run.name.request_id, waiting);
    this.#whenKnown(() => {
      if (this.#sends.get(run.name.request_id) === waiting) this.#sendBody(waiting, message);
    });
  }

  ack(run: TaskRun): void {
    this.#tell(run, { kind: 'TaskAck', ...run.name });
  }

  /** The response of this send is no longer wanted. */
  cancel(run: TaskRun, sendId: number): void {
    const send = this.#sends.get(run.name.request_id);
    if (send?.sendId !== sendId) return;
    this.#sends.delete(run.name.request_id);
    const isArriving = this.#incoming?.send === send;
    if (isArriving) this.#dropIncoming();
    else this.#strays.cancelled(run.secret.length);
    if (this.#isIdle && this.#isCheaperToClose(isArriving)) {
      if (!this.#isOpen) run.bytesSent -= send.bytes;
      // A server takes the end of a stream for that of a client that still awaits its responses.
      else if (!isArriving) this.#tell(run, { kind: 'TaskCancel', ...run.name });
      return this.#discard();
    }
    if (this.#introduction === undefined) this.#tell(run, { kind: 'TaskCancel', ...run.name });
    this.#ended();
  }

  /** Closes after everything sent has been written; `onClosed` follows within about a second. */
  end(): void {
    if (this.#isOpen) this.#connection.end();
    else this.#connection.destroy();
  }

  onTlsProblem(problem: string): void {
    this.#options.onTlsProblem?.(problem);
  }

  onProtocolError({ code, message, retryable }: ClusterError): void {
    // Retryable errors are about our own memory.
    if (!retryable) this.#fault = message;
    // It would be read, only to be discarded.
    if (code === 'frame_too_large') this.#connection.destroy();
  }

  onOpen(): void {
    if (this.#introduction === undefined) this.#begin();
    else this.#introduction.ask(this.#connection);
  }

  onMessage(message: Message, form: FrameForm, bodyLength: number): void {
    if (this.#introduction !== undefined) return this.#meet(this.#introduction, message);
    this.#bodyLeftBytes = bodyLength;
    this.#options.onHeard();
    if (message.kind === 'TaskAssignmentResponse') this.#assigned(message, form);
    else if (message.kind === 'TaskResponse') this.#answered(message, form, bodyLength);
    else if (message.kind === 'Error') this.#blamed(message);
    else this.#stray();
  }

  onBody(chunk: Uint8Array): void {
    this.#bodyLeftBytes -= chunk.length;
    const incoming = this.#incoming;
    if (incoming === null) return;
    incoming.send.run.bytesReceived += chunk.length;
    incoming.kept?.append(chunk, Infinity);
    this.#verify(incoming, () => incoming.reader.push(chunk));
  }

  onEnd(): void {
    const incoming = this.#incoming;
    if (incoming === null) return;
    const { send, reader, kept } = incoming;
    if (!this.#verify(incoming, () => reader.finish())) return;
    this.#incoming = null;
    this.#sends.delete(send.run.name.request_id);
    send.run.verified(send.sendId, kept?.take() ?? null);
    this.#ended();
  }

  onUnknown(error: ClusterError): void {
    // Newer servers may send unknown messages; a known response that is invalid will never become valid.
    if (error.code !== 'unknown_message') this.#connection.fail(error, 'protocol');
    else this.#stray();
  }

  onClose(reason: CloseReason): void {
    this.#introduction?.end();
    this.#dropIncoming();
    this.#options.onRetired(this);
    this.#options.onClosed(this, reason);
    const sends = [...this.#sends.values()];
    const asks = [...this.#asks.values()];
    this.#sends.clear();
    this.#asks.clear();
    if (!this.#isOpen) for (const { run, bytes } of [...sends, ...asks]) run.bytesSent -= bytes;
    for (const { run, sendId } of sends) {
      run.sendLost(sendId, this.address, reason, reason === 'protocol' ? this.#fault : undefined);
    }
    for (const { run, askId } of asks) run.askLost(askId, this.address, reason);
  }

  get #isIdle(): boolean {
    return this.#asks.size === 0 && this.#sends.size === 0;
  }

  #begin(): void {
    this.#isOpen = true;
    // Sends what has waited for the connection.
    if (this.#unansweredSinceMs !== null) this.#unansweredSinceMs = this.#connection.lastReadMs;
  }

  #meet(introduction: Introduction, message: Message): void {
    const problem = introduction.problem(message);
    if (problem !== undefined) {
      this.#options.onStranger?.(problem);
      return this.#connection.destroy();
    }
    this.#introduction = undefined;
    this.#options.onProven?.();
    this.#begin();
    introduction.done();
  }

  /** At once, except to servers that have not yet proved their identity. */
  #whenKnown(tell: () => void): void {
    this.#strays.sent();
    if (this.#introduction === undefined) tell();
    else this.#introduction.later(tell);
  }

  #sendBody(send: Send, message: Message): void {
    const connection = this.#connection;
    const { run } = send;
    const before = connection.bytesWritten;
    const answerBytes = CLIENT_LIMITS.maxFrameBytes + maxCarrierBytes(run.secret.length);
    this.#limits.maxFrameBytes = Math.max(this.#limits.maxFrameBytes, answerBytes);
    connection.sendBody(message, run.secret.length).write(run.secret);
    send.bytes = connection.bytesWritten - before;
    run.bytesSent += send.bytes;
  }

  /** Handles input that no request awaits: a late response, or a server that sends without end. */
  #stray(bodyLength = 0): void {
    if (!this.#strays.isTooMuch(bodyLength)) return;
    this.#fault = 'it sends more than was requested';
    this.#connection.abandon('protocol');
  }

  #assigned(response: MessageOf<'TaskAssignmentResponse'>, form: FrameForm): void {
    const ask = this.#asks.get(response.request_id);
    if (ask === undefined) return this.#stray();
    this.#asks.delete(response.request_id);
    ask.run.bytesReceived += headBytes(response, form);
    ask.run.assigned(ask.askId, response);
    this.#ended();
  }

  #answered(response: MessageOf<'TaskResponse'>, form: FrameForm, bodyLength: number): void {
    const send = this.#sends.get(response.request_id);
    if (response.server_id !== undefined) this.#options.onNamed?.(response.server_id);
    if (send === undefined) {
      if (bodyLength > CHEAPER_TO_CLOSE_BYTES && this.#isIdle) return this.#discard();
      return this.#stray(bodyLength);
    }
    const { run } = send;
    run.bytesReceived += headBytes(response, form);
    if (response.success) {
      const reader = new CarrierReader({ expected: run.secret });
      this.#incoming = { send, reader, kept: run.keepsCarrier ? new ByteBlocks() : null };
      return;
    }
    this.#sends.delete(response.request_id);
    run.refused(send.sendId, this.address, response.error_code, response.error_message ?? 'no reason given');
    this.#ended();
  }

  /** An Error names no request: it is attributed to this one only if it can mean no other. */
  #blamed({ code, message }: MessageOf<'Error'>): void {
    const [send] = this.#sends.values();
    if (send === undefined || this.#sends.size > 1 || this.#asks.size > 0 || !FRAME_FAULTS.includes(code)) {
      return this.#stray();
    }
    this.#sends.delete(send.run.name.request_id);
    send.run.refused(send.sendId, this.address, code, message);
    this.#ended();
  }

  /** Returns false if the carrier was wrong, after notifying its request. */
  #verify({ send, reader }: { send: Send; reader: CarrierReader }, step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof ClusterError) || error.code === 'internal') throw error;
      reader.close();
      this.#incoming = null;
      this.#sends.delete(send.run.name.request_id);
      send.run.corrupted(send.sendId, this.address, error.message);
      if (this.#bodyLeftBytes > CHEAPER_TO_CLOSE_BYTES && this.#isIdle) this.#discard();
      this.#ended();
      return false;
    }
  }

  #dropIncoming(): void {
    this.#incoming?.reader.close();
    this.#incoming = null;
  }

  #isCheaperToClose(isArriving: boolean): boolean {
    if (!this.#isOpen || this.#connection.unsentBytes > CHEAPER_TO_CLOSE_BYTES) return true;
    if (isArriving) return this.#bodyLeftBytes > CHEAPER_TO_CLOSE_BYTES;
    return this.isMute;
  }

  #wantAnswer(): void {
    const sinceMs = this.#unansweredSinceMs;
    if (sinceMs !== null && this.#connection.lastReadMs <= sinceMs) return;
    this.#unansweredSinceMs = this.#options.clock.monotonicMs();
  }

  /** One awaited response less. */
  #ended(): void {
    if (this.#isRetired && this.#isIdle) this.end();
  }

  #discard(): void {
    this.#options.onRetired(this);
    this.#connection.destroy();
  }

  #tell(run: TaskRun, message: Message): number {
    const before = this.#connection.bytesWritten;
    this.#connection.send(message);
    const bytes = this.#connection.bytesWritten - before;
    run.bytesSent += bytes;
    return bytes;
  }
}

/** Size of a frame without its body: exact for servers with short texts and no unknown fields. */
function headBytes(message: Message, form: FrameForm): number {
  return (form === 'envelope' ? 9 : 4) + Buffer.byteLength(messageToJson(message));
}
