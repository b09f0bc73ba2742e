/**
 * Queries that wait for an answer, each with a deadline: relayed assignments and checks of the leader. Deadlines are
 * added in order, so that the first is the next one: many queries must not make every step search all of them. Pure.
 */
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

  /** Removes and returns the query with this id, if it is the expected one. */
  take(id: number, isExpected: (value: T) => boolean): T | undefined {
    const item = this.items.get(id);
    if (!item || !isExpected(item.value)) return undefined;
    this.items.delete(id);
    return item?.value;
  }

  /** Removes and returns everything whose deadline has passed. */
  takeDue(nowMs: number): T[] {
    const taken: T[] = [];
    for (const [id, { value, deadlineMs }] of this.items) {
      if (deadlineMs > nowMs) break;
      this.items.delete(id);
      taken.push(value);
    }
    return taken;
  }

  /** Removes and returns everything that matches. */
  takeWhere(matches: (value: T) => boolean): T[] {
    const taken: T[] = [];
    for (const [id, { value }] of this.items) {
      if (!matches(value)) continue;
      this.items.delete(id);
      taken.push(value);
    }
    return taken;
  }

  some(matches: (value: T) => boolean): boolean {
    for (const { value } of this.items.values()) if (matches(value)) return true;
    return false;
  }

  nextMs(): number {
    const [next] = this.items.values();
    return next?.deadlineMs ?? Infinity;
  }
}
