/**
 * One TCP connection that carries frames. It reads through 'data' events: Node allocates every chunk anew, so the views
 * passed to `onBody` may be kept (each keeps at most its 64 KiB chunk alive). One chunk may hold many frames: the part
 * that waits for a turn, or for responses to be read, stays in the Inbox, and the socket is paused.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClusterError } from '../errors';
import type { Message } from '../protocol';
import { formatAddress, UNKNOWN_ADDRESS } from './address';
import { encodeEnvelopeHead, encodeMessage, FrameDecoder } from './wire/frame';
import { type CloseReason, closeReasonOf } from './wire/close-reason';
import type { ConnectionHandler, ConnectionOptions } from './connection-types';
import { frameSink } from './frame-sink';
import { guarded } from './guard';
import { Inbox, type InboxOwner } from './inbox';
import { looksLikeTls, TLS_UNEXPECTED } from './wire/tls-problem';
import { type BodyWriter, Outbox } from './outbox';

export type { CloseReason } from './wire/close-reason';
export type { ConnectionHandler, ConnectionOptions } from './connection-types';
export type { BodyWriter } from './outbox';

/** Time that the other side gets, after an Error or an end, to read it and to close. */
const LINGER_MS = 1_000;

/** Unread responses on an accepted connection above which it is no longer read. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** Errors sent on an accepted connection before it is closed, if they are more than half of its frames. */
const MAX_ERRORS = 100;

export class Connection {
  readonly isAccepted: boolean;
  /** Set by the server for a peer's link: never evicted. */
  isSubscriber = false;
  remoteAddress = UNKNOWN_ADDRESS;
  localAddress = UNKNOWN_ADDRESS;
  /** The time at which bytes last arrived, or the connection began; monotonic. */
  lastReadMs: number;
  /** The start of the unfinished frame, later by the time in which it was not read. */
  frameStartedMs = 0;
  /** For the watch: bytes taken by the kernel so far, and since when there has been no progress. */
  writeProgress = { takenBytes: 0, sinceMs: 0 };
  private readonly decoder: FrameDecoder;
  private readonly outbox: Outbox;
  private readonly inbox: Inbox;
  private readonly handler: ConnectionHandler;
  private heldBytes = 0;
  private errorCount = 0;
  private openTasks = 0;
  /** The other side has ended its stream and waits for its responses. */
  private halfOpen = false;
  private isOpen: boolean;
  private isClosed = false;
  private endReason: CloseReason | undefined;

  /** `handlerOf` gets the connection before any event of it, and returns its handler. */
  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
    handlerOf: (connection: Connection) => ConnectionHandler,
  ) {
    this.isAccepted = options.isAccepted;
    this.isOpen = options.isAccepted;
    this.lastReadMs = options.monotonicMs();
    // A client that sends a request and ends its stream at once still gets the response.
    if (options.isAccepted) socket.allowHalfOpen = true;
    this.outbox = new Outbox(socket);
    this.inbox = this.newInbox();
    this.readAddresses();
    const handler = handlerOf(this);
    this.handler = handler;
    this.decoder = new FrameDecoder(
      options.limits,
      frameSink(handler, options.isAccepted, (e) => this.sendError(e)),
    );
    this.listen();
    options.watch?.add(this);
  }

  /** The other side has ended its stream and may be gone: only reading its responses shows that it is there. */
  get isHalfOpen(): boolean {
    return this.halfOpen;
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Tasks that the server is working on for this connection: with any, it is not idle however long it is silent. */
  get openTaskCount(): number {
    return this.openTasks;
  }

  set openTaskCount(count: number) {
    this.openTasks = count;
    this.answered();
  }

  /** Bytes sent that the kernel has not taken. */
  get bufferedBytes(): number {
    return this.outbox.bufferedBytes;
  }

  /** Bytes handed to the socket that the kernel has not taken, without those waiting behind a body. */
  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  /** True if only a body is in flight: closing the connection loses nothing else. */
  get isBodyAlone(): boolean {
    return this.outbox.isBodyAlone;
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten;
  }

  /** The other side's certificate under TLS; undefined without TLS. */
  get peerCertificate(): X509Certificate | undefined {
    return (this.socket as Partial<TLSSocket>).getPeerX509Certificate?.();
  }

  get insideFrame(): boolean {
    return this.decoder.insideFrame;
  }

  get isPaused(): boolean {
    return this.socket.isPaused();
  }

  /** True if closing it frees memory: it is inside a frame, or has input that waits for turns or for reads. */
  get isUnfinished(): boolean {
    return this.insideFrame || this.inbox.isBehind;
  }

  /** Memory of unfinished work: the decoder's, the server's (freed on close), waiting input, and unread responses. */
  get unfinishedBytes(): number {
    if (this.isClosed) return 0;
    return this.decoder.pendingBytes + this.heldBytes + this.inbox.heldBytes;
  }

  /** The server reports memory held for this connection's incoming bodies (negative: freed); not after `onClose`. */
  hold(deltaBytes: number): void {
    this.heldBytes += deltaBytes;
    this.options.watch?.measure(this);
  }

  /** Sends a message without a body. Does nothing after the connection has closed. */
  send(message: Message): void {
    this.sendFrame(encodeMessage(message));
    if (message.kind === 'Error') this.countError();
  }

  /** Sends a complete frame made by one of the encoders. */
  sendFrame(frame: Uint8Array): void {
    if (this.isClosed) return;
    this.outbox.send(frame);
    if (this.isAccepted && this.bufferedBytes > MAX_UNREAD_BYTES) this.inbox.holdBack();
    this.answered();
  }

  /** Begins an envelope; the writer takes its `bodyLength` bytes. Frames sent meanwhile wait until it is complete. */
  sendBody(message: Message, bodyLength: number): BodyWriter {
    return this.beginFrame(encodeEnvelopeHead(message, bodyLength), bodyLength);
  }

  /** Begins a frame with the bytes of `head`; the writer takes the other `restLength` bytes. */
  beginFrame(head: Uint8Array, restLength: number): BodyWriter {
    return this.outbox.begin(head, restLength);
  }

  sendError(error: ClusterError): void {
    this.send({ kind: 'Error', code: error.code, message: error.message });
  }

  /** Resolves when more can be sent without buffering it, and when closed. */
  drained(): Promise<void> {
    return this.outbox.drained();
  }

  /** Closes at once; the only further callback is `onClose('destroyed')`. */
  destroy(): void {
    this.endReason ??= 'destroyed';
    this.decoder.stop();
    this.socket.destroy();
  }

  /** Closes once all that was sent is written (no body may be in progress); the other side gets a second for it. */
  end(): void {
    if (this.isFlushing) return this.destroy();
    if (this.isOver) return;
    this.endReason = 'destroyed';
    this.decoder.stop();
    this.outbox.close();
    this.linger();
  }

  /**
   * Like `end`, but bodies in progress are written first, and the other side gets `withinMs` more. Its input is
   * ignored.
   */
  async endWhenWritten(withinMs: number): Promise<void> {
    const socket = this.socket;
    if (this.isFlushing) return void this.destroyAfter(withinMs + LINGER_MS);
    if (this.isOver) return;
    this.endReason = 'destroyed';
    this.decoder.stop();
    // Keep reading and discard: the kernel answers unread bytes with a reset, which would take back our last message.
    socket.resume();
    this.destroyAfter(withinMs + LINGER_MS);
    await this.outbox.bodiesWritten();
    if (this.isClosed) return;
    socket.once('finish', () => this.linger());
    socket.end();
  }

  /** Ends a failed dial with the given reason. */
  abandon(reason: CloseReason): void {
    this.endReason ??= reason;
    this.socket.destroy();
  }

  /** Reports the error to the other side and the handler, then closes. */
  fail(error: ClusterError, reason: CloseReason): void {
    if (this.isFlushing) return this.abandon(reason);
    if (this.isOver) return;
    this.decoder.stop();
    // May be called outside an event of this socket: by a timer, or by another connection that needs the memory.
    this.guarded(() => {
      const isInsideBody = this.outbox.isInsideBody;
      // Behind an unfinished body it waits in the outbox and is dropped there: it would be read as part of the body.
      this.sendFrame(encodeMessage({ kind: 'Error', code: error.code, message: error.message }));
      this.handler.onProtocolError?.(error);
      this.close(reason);
      if (isInsideBody) this.socket.destroy();
      else this.linger();
    });
  }

  /** True if further input is ignored. */
  private get isOver(): boolean {
    return this.isClosed || this.endReason !== undefined;
  }

  /** True if the other side has ended its stream, all its requests are answered, and not all of that is read. */
  private get isFlushing(): boolean {
    return this.halfOpen && this.endReason !== undefined && !this.isClosed;
  }

  private newInbox(): Inbox {
    const { turns, watch, monotonicMs } = this.options;
    const owner: InboxOwner = {
      isOver: () => this.isOver,
      isPeer: () => this.isSubscriber || !this.isAccepted,
      pendingBytes: () => this.decoder.pendingBytes,
      decode: (chunk, mayGoOn) => this.decode(chunk, mayGoOn),
      progressed: () => watch?.progressed(this),
      changed: () => watch?.measure(this),
      monotonicMs,
      resumed: (pausedMs) => (this.frameStartedMs = Math.min(monotonicMs(), this.frameStartedMs + pausedMs)),
      guarded: (work) => this.guarded(work),
    };
    return new Inbox(this.socket, this.outbox, owner, turns);
  }

  private listen(): void {
    const socket = this.socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.guarded(() => this.receive(chunk)));
    socket.on('end', () => this.guarded(() => this.onRemoteEnd()));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.endReason ??= closeReasonOf(error, this.isOpen);
      // A TLS socket in error reads no further; without this, one with unread input would stay open for good.
      socket.destroy();
    });
    socket.on('close', () => {
      this.options.watch?.remove(this);
      this.guarded(() => this.close(this.endReason ?? 'closed'));
    });
  }

  /** Runs the work of a socket event; an unexpected error closes this connection and no other. */
  guarded(work: () => void): void {
    guarded(this.socket, this.options.watch, () => {
      try {
        work();
      } catch (error) {
        this.endReason ??= 'error';
        this.decoder.stop();
        throw error;
      }
    });
  }

  /** Called by the dialer once the socket is connected. */
  opened(): void {
    this.isOpen = true;
    this.readAddresses();
    this.lastReadMs = this.options.monotonicMs();
    this.guarded(() => this.handler.onOpen?.());
  }

  private receive(chunk: Buffer): void {
    if (!this.isOver) this.lastReadMs = this.options.monotonicMs();
    this.inbox.receive(chunk);
  }

  private decode(chunk: Buffer, mayGoOn: () => boolean): number {
    const decoder = this.decoder;
    const framesBefore = decoder.framesDone;
    const wasInside = decoder.insideFrame;
    let takenBytes = chunk.length;
    try {
      takenBytes = decoder.push(chunk, mayGoOn);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (framesBefore === 0 && !wasInside && looksLikeTls(chunk)) this.handler.onTlsProblem?.(TLS_UNEXPECTED);
      this.fail(error, 'protocol');
    }
    if (!wasInside || decoder.framesDone !== framesBefore) this.frameStartedMs = this.options.monotonicMs();
    return takenBytes;
  }

  private countError(): void {
    this.errorCount += 1;
    if (!this.isAccepted || this.errorCount < MAX_ERRORS || 2 * this.errorCount < this.decoder.framesDone) return;
    const text = `${this.errorCount} messages in error on one connection`;
    this.fail(new ClusterError('bad_message', text), 'protocol');
  }

  /**
   * Handles the end of the other side's stream. A client that connected to us gets its responses, unless it stopped in
   * the middle of a frame; if it is gone altogether, the kernel reports that when the first response is written. Any
   * other connection is closed for us at once; our remaining output is flushed within the linger time.
   */
  private onRemoteEnd(): void {
    const isWhole = !this.decoder.insideFrame;
    this.decoder.stop();
    this.halfOpen = this.isAccepted && isWhole && !this.isSubscriber && this.endReason === undefined;
    if (this.halfOpen) return this.endIfAnswered();
    this.close(this.endReason ?? 'closed');
    this.linger();
  }

  /** Runs later in this turn, so that anything else sent together with this response goes first. */
  private answered(): void {
    if (this.halfOpen) queueMicrotask(() => this.guarded(() => this.endIfAnswered()));
  }

  private endIfAnswered(): void {
    if (this.isOver) return;
    if (this.openTasks > 0 || this.handler.owesAnswer?.() === true) return;
    this.endReason = 'closed';
    if (this.bufferedBytes > 0) return void this.endAfterAnswers();
    this.close('closed');
    this.linger();
  }

  /** Readers that are too slow are found by the watch. */
  private async endAfterAnswers(): Promise<void> {
    await this.outbox.bodiesWritten();
    this.socket.end();
  }

  private linger(): void {
    const socket = this.socket;
    if (socket.destroyed) return;
    socket.end();
    socket.resume();
    this.destroyAfter(LINGER_MS);
  }

  private destroyAfter(ms: number): void {
    const timer = setTimeout(() => this.socket.destroy(), ms);
    this.socket.once('close', () => clearTimeout(timer));
  }

  private close(reason: CloseReason): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.inbox.clear();
    this.decoder.stop();
    this.outbox.close();
    this.handler.onClose(reason);
  }

  private readAddresses(): void {
    const { remoteAddress, remotePort, localAddress, localPort } = this.socket;
    if (remoteAddress !== undefined) this.remoteAddress = formatAddress(remoteAddress, remotePort ?? 0);
    if (localAddress !== undefined) this.localAddress = formatAddress(localAddress, localPort ?? 0);
  }
}
