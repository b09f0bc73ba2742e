interface Item {
  timeMs: number;
  sequence: number;
  run: () => void;
}

/** A run has some ten thousand. */
const MAX_EVENTS = 1_000_000;

/** Future events, ordered by (time, sequence): the same inputs always give the same order. */
export class EventQueue {
  nowMs = 0;
  private readonly heap: Item[] = [];
  private sequence = 0;
  private count = 0;

  at(timeMs: number, run: () => void): void {
    const item = { timeMs: Math.max(timeMs, this.nowMs), sequence: this.sequence++, run };
    const { heap } = this;
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Runs all events up to and including `untilMs`. */
  runUntil(untilMs: number): void {
    while (this.heap.length > 0 && this.heap[0]!.timeMs <= untilMs) {
      const item = this.pop();
      this.nowMs = item.timeMs;
      this.count += 1;
      if (this.count > MAX_EVENTS) throw new Error(`more than ${MAX_EVENTS} events: something goes round in circles`);
      item.run();
    }
    this.nowMs = untilMs;
  }

  private pop(): Item {
    const { heap } = this;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function before(a: Item, b: Item): boolean {
  return a.timeMs !== b.timeMs ? a.timeMs < b.timeMs : a.sequence < b.sequence;
}
