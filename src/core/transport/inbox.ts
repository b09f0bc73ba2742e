/** The reading half of a connection: input that waits for its turn or for responses to be read. */
import type { Socket } from 'node:net';
import type { Outbox } from './outbox';
import type { Turns, Worker } from './turns';

export interface InboxOwner {
  /** See Worker. */
  isPeer(): boolean;
  /** True if further input is ignored. */
  isOver(): boolean;
  /** Decodes as much as `mayGoOn`, asked between messages, allows; returns the number of bytes consumed. */
  decode(chunk: Buffer, mayGoOn: () => boolean): number;
  /** Memory held for the incomplete message. */
  pendingBytes(): number;
  /** Bytes were consumed. */
  progressed(): void;
  /** The memory held has changed. */
  changed(): void;
  /** The socket is being read again after a pause of `pausedMs`, for which the frame timeout was suspended. */
  resumed(pausedMs: number): void;
  monotonicMs(): number;
  guarded(work: () => void): void;
}

export class Inbox implements Worker {
  private rest: Buffer | undefined;
  /** Memory of `rest` that outlasts a turn. */
  private restBytes = 0;
  private isHeldBack = false;
  private pausedAtMs = 0;

  /** Without `turns` a chunk is processed as it arrives. */
  constructor(
    private readonly socket: Socket,
    private readonly outbox: Outbox,
    private readonly owner: InboxOwner,
    private readonly turns: Turns | undefined,
  ) {}

  get isPeer(): boolean {
    return this.owner.isPeer();
  }

  get waitingBytes(): number {
    return (this.rest?.length ?? 0) + this.owner.pendingBytes();
  }

  /** True if input waits here, or unread responses wait in the outbox. */
  get isBehind(): boolean {
    return this.restBytes > 0 || this.isHeldBack;
  }

  /** Memory that is freed when the connection closes. */
  get heldBytes(): number {
    return this.restBytes + (this.isHeldBack ? this.outbox.bufferedBytes : 0);
  }

  receive(chunk: Buffer): void {
    if (this.owner.isOver()) return this.discard();
    this.rest = chunk;
    this.takeTurn();
  }

  clear(): void {
    this.rest = undefined;
    this.restBytes = 0;
  }

  /** Stops reading a client that keeps sending requests without reading the responses, until they have been taken. */
  holdBack(): void {
    if (this.isHeldBack) return;
    this.isHeldBack = true;
    this.owner.changed();
    this.pauseWhileBehind();
    void this.outbox.bodiesWritten().then(() => this.owner.guarded(() => this.letGoOn()));
  }

  /** See Worker. */
  work(mayGoOn: () => boolean): boolean {
    const chunk = this.rest;
    if (chunk === undefined || this.owner.isOver() || this.isHeldBack) return false;
    const takenBytes = this.owner.decode(chunk, () => {
      // There are several messages: send their responses together.
      this.outbox.corkForThisTurn();
      return !this.isHeldBack && mayGoOn();
    });
    const isLeft = takenBytes < chunk.length && !this.owner.isOver();
    this.rest = isLeft ? chunk.subarray(takenBytes) : undefined;
    this.restBytes = isLeft ? chunk.buffer.byteLength : 0;
    this.owner.progressed();
    this.pauseWhileBehind();
    return isLeft && !this.isHeldBack;
  }

  /** See Worker. */
  guarded(work: () => void): void {
    this.owner.guarded(work);
  }

  private letGoOn(): void {
    this.isHeldBack = false;
    this.owner.changed();
    this.takeTurn();
  }

  private takeTurn(): void {
    if (this.turns === undefined) this.work(() => true);
    else this.turns.arrived(this);
    this.pauseWhileBehind();
  }

  /** Stops reading while input waits. */
  private pauseWhileBehind(): void {
    const socket = this.socket;
    if (this.owner.isOver()) return;
    const mustWait = this.rest !== undefined || this.isHeldBack;
    if (mustWait === socket.isPaused()) return;
    if (mustWait) {
      this.pausedAtMs = this.owner.monotonicMs();
      socket.pause();
    } else {
      this.owner.resumed(this.owner.monotonicMs() - this.pausedAtMs);
      socket.resume();
    }
  }

  /**
   * Reads and discards input after the end, so that the kernel does not reset our last message; but only a chunk or two
   * per turn of the event loop, or a client that keeps sending would hold up all others.
   */
  private discard(): void {
    const socket = this.socket;
    socket.pause();
    setImmediate(() => socket.resume());
  }
}
