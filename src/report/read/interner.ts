/** Maps names to indexes, so that a name that occurs in millions of records is stored once. */
export class Interner<T extends string | number> {
  readonly all: T[] = [];
  private readonly indexes = new Map<T, number>();

  /**
   * Once `limit` names are known, every further name becomes `other`: a hostile file must not exhaust the memory.
   * `kept` returns the form of a name that is stored; the names in `first` are added at the start.
   */
  constructor(
    private readonly limit: number,
    private readonly other: T,
    private readonly kept: (name: T) => T = (name) => name,
    first: readonly T[] = [],
  ) {
    for (const name of first) this.indexOf(name);
  }

  indexOf(name: T): number {
    const known = this.indexes.get(name);
    if (known !== undefined) return known;
    const kept = this.kept(name);
    if (kept !== name) return this.indexOf(kept);
    if (this.all.length >= this.limit && name !== this.other) return this.indexOf(this.other);
    this.indexes.set(name, this.all.length);
    return this.all.push(name) - 1;
  }
}

export function increment<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
