import type { EventQueue } from './event-queue';

/** A network card: so many bytes per ms in each direction. Infinity: they take no time. */
export class Nic {
  readonly out: Turns;
  readonly in: Turns;

  constructor(queue: EventQueue, bytesPerMs: number) {
    this.out = new Turns(queue, bytesPerMs);
    this.in = new Turns(queue, bytesPerMs);
  }
}

/** The most bytes of one connection in its turn, like the packets that a kernel sends at once. */
const TURN_BYTES = 64 * 1024;

/**
 * One direction. Connections take turns, so that a large body on one does not hold up the others for long: as with TCP,
 * whose senders share what a receiver can take.
 */
class Turns {
  private readonly waiting = new Map<unknown, { leftBytes: number; go: () => void }[]>();
  private isBusy = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly bytesPerMs: number,
  ) {}

  /** Calls `go` once these bytes of a connection have passed, in the order of the calls for it. */
  pass(connection: unknown, bytes: number, go: () => void): void {
    if (this.bytesPerMs === Infinity) return go();
    const own = this.waiting.get(connection);
    if (own) own.push({ leftBytes: bytes, go });
    else this.waiting.set(connection, [{ leftBytes: bytes, go }]);
    if (!this.isBusy) this.next();
  }

  private next(): void {
    const [turn] = this.waiting;
    this.isBusy = turn !== undefined;
    if (turn === undefined) return;
    const [connection, segments] = turn;
    const [first] = segments;
    const bytes = Math.min(first!.leftBytes, TURN_BYTES);
    first!.leftBytes -= bytes;
    const isWhole = first!.leftBytes === 0;
    if (isWhole) segments.shift();
    this.waiting.delete(connection);
    if (segments.length > 0) this.waiting.set(connection, segments);
    this.queue.after(bytes / this.bytesPerMs, () => {
      if (isWhole) first!.go();
      this.next();
    });
  }
}
