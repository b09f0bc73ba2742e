/** The reading half of a connection: what arrived and waits, for its turn or for answers to be read. */
import type { Socket } from 'node:net';
import type { Outbox } from './outbox';
import type { Turns, Worker } from './turns';

export interface InboxOwner {
  /** See Worker. */
  isPeer(): boolean;
  /** Nothing that arrives is heard any more. */
  isOver(): boolean;
  /** Takes what `mayGoOn`, asked between messages, allows; returns how many bytes of the chunk that was. */
  decode(chunk: Buffer, mayGoOn: () => boolean): number;
  /** Of the message that is not complete. */
  pendingBytes(): number;
  /** Bytes were taken. */
  progressed(): void;
  /** More or less memory is held than before. */
  changed(): void;
  /** The socket is read again after a pause. */
  resumed(): void;
  guarded(work: () => void): void;
}

export class Inbox implements Worker {
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #owner: InboxOwner;
  readonly #turns: Turns | undefined;
  #rest: Buffer | undefined;
  /** Memory of `#rest` that outlasts a turn. */
  #restBytes = 0;
  #isHeldBack = false;

  /** Without `turns` a chunk is worked off as it arrives. */
  constructor(socket: Socket, outbox: Outbox, owner: InboxOwner, turns: Turns | undefined) {
    this.#socket = socket;
    this.#outbox = outbox;
    this.#owner = owner;
    this.#turns = turns;
  }

  get isPeer(): boolean {
    return this.#owner.isPeer();
  }

  get waitingBytes(): number {
    return (this.#rest?.length ?? 0) + this.#owner.pendingBytes();
  }

  /** Something waits here, or answers that nobody reads wait there. */
  get isBehind(): boolean {
    return this.#restBytes > 0 || this.#isHeldBack;
  }

  /** Memory that is freed when the connection closes. */
  get heldBytes(): number {
    return this.#restBytes + (this.#isHeldBack ? this.#outbox.bufferedBytes : 0);
  }

  receive(chunk: Buffer): void {
    if (this.#owner.isOver()) return this.#discard();
    this.#rest = chunk;
    this.#takeTurn();
  }

  clear(): void {
    this.#rest = undefined;
    this.#restBytes = 0;
  }

  /** Whoever asks on without reading the answers is not heard either, until they have been taken. */
  holdBack(): void {
    if (this.#isHeldBack) return;
    this.#isHeldBack = true;
    this.#owner.changed();
    this.#pauseWhileBehind();
    void this.#outbox.bodiesWritten().then(() => this.#owner.guarded(() => this.#letGoOn()));
  }

  /** See Worker. */
  work(mayGoOn: () => boolean): boolean {
    let isLeft = false;
    this.#owner.guarded(() => (isLeft = this.#workOff(mayGoOn)));
    return isLeft;
  }

  #letGoOn(): void {
    this.#isHeldBack = false;
    this.#owner.changed();
    this.#takeTurn();
  }

  #takeTurn(): void {
    if (this.#turns === undefined) this.work(() => true);
    else this.#turns.arrived(this);
    this.#pauseWhileBehind();
  }

  #workOff(mayGoOn: () => boolean): boolean {
    const chunk = this.#rest;
    if (chunk === undefined || this.#owner.isOver() || this.#isHeldBack) return false;
    const takenBytes = this.#owner.decode(chunk, () => {
      // There are several messages: their answers leave together.
      this.#outbox.corkForThisTurn();
      return !this.#isHeldBack && mayGoOn();
    });
    const isLeft = takenBytes < chunk.length && !this.#owner.isOver();
    this.#rest = isLeft ? chunk.subarray(takenBytes) : undefined;
    this.#restBytes = isLeft ? chunk.buffer.byteLength : 0;
    this.#owner.progressed();
    this.#pauseWhileBehind();
    return isLeft && !this.#isHeldBack;
  }

  /** Nothing is read while something that was read waits. */
  #pauseWhileBehind(): void {
    const socket = this.#socket;
    if (this.#owner.isOver()) return;
    const mustWait = this.#rest !== undefined || this.#isHeldBack;
    if (mustWait === socket.isPaused()) return;
    if (mustWait) return void socket.pause();
    this.#owner.resumed();
    socket.resume();
  }

  /**
   * What comes after the end is read and thrown away, so that the kernel does not reset what we said last; but no more than
   * a chunk or two in each turn of the event loop, or whoever sends on would hold up all others.
   */
  #discard(): void {
    const socket = this.#socket;
    socket.pause();
    setImmediate(() => socket.resume());
  }
}
