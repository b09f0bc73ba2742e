import type { EventQueue } from './event-queue';

/** A network card. Its connections send in turns, so that a large body on one does not hold up the others for long. */
export class Nic {
  private readonly waiting = new Map<unknown, { size: number; go: () => void }[]>();
  private isSending = false;
  private receivedMs = 0;

  constructor(
    private readonly queue: EventQueue,
    /** Infinity: it takes no time. */
    private readonly bytesPerMs: number,
  ) {}

  /** Calls `go` once these bytes of a connection have been sent. */
  send(connection: unknown, size: number, go: () => void): void {
    if (this.bytesPerMs === Infinity) return go();
    const own = this.waiting.get(connection);
    if (own) own.push({ size, go });
    else this.waiting.set(connection, [{ size, go }]);
    if (!this.isSending) this.next();
  }

  /** Calls `go` once these bytes have been received. */
  receive(size: number, go: () => void): void {
    if (this.bytesPerMs === Infinity) return go();
    this.receivedMs = Math.max(this.receivedMs, this.queue.nowMs) + size / this.bytesPerMs;
    this.queue.at(this.receivedMs, go);
  }

  private next(): void {
    const [turn] = this.waiting;
    this.isSending = turn !== undefined;
    if (turn === undefined) return;
    const [connection, segments] = turn;
    const { size, go } = segments.shift()!;
    this.waiting.delete(connection);
    if (segments.length > 0) this.waiting.set(connection, segments);
    this.queue.after(size / this.bytesPerMs, () => {
      go();
      this.next();
    });
  }
}
