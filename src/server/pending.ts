/** Questions that wait for an answer, each with a deadline: relayed assignments and probes of the leader. Pure. */
export class Pending<T> {
  private readonly items = new Map<number, { value: T; deadlineMs: number }>();
  private lastId: number;

  constructor(firstId: number) {
    this.lastId = firstId;
  }

  /** Returns the id that the answer will carry. */
  add(value: T, deadlineMs: number): number {
    this.lastId += 1;
    this.items.set(this.lastId, { value, deadlineMs });
    return this.lastId;
  }

  /** The question with this id, once, if it is the expected one. */
  take(id: number, isExpected: (value: T) => boolean): T | undefined {
    const item = this.items.get(id);
    if (!item || !isExpected(item.value)) return undefined;
    this.items.delete(id);
    return item?.value;
  }

  /** Takes out everything overdue, or everything that matches. */
  takeWhere(matches: (value: T, deadlineMs: number) => boolean): T[] {
    const taken: T[] = [];
    for (const [id, { value, deadlineMs }] of this.items) {
      if (!matches(value, deadlineMs)) continue;
      this.items.delete(id);
      taken.push(value);
    }
    return taken;
  }

  nextMs(): number {
    let nextMs = Infinity;
    for (const { deadlineMs } of this.items.values()) nextMs = Math.min(nextMs, deadlineMs);
    return nextMs;
  }
}
