/** Counts by key, where the keys come from others: beyond a limit all further keys share one count. Pure. */
export class CappedCounts<K extends string | number> {
  readonly all = new Map<K, number>();
  private theirCount = 0;

  /** `isOurs`: keys that always have their own count and do not use up the limit. */
  constructor(
    private readonly limit: number,
    private readonly other: K,
    private readonly isOurs: (key: K) => boolean = () => false,
  ) {}

  add(key: K, by = 1): void {
    const known = this.all.get(key);
    if (known !== undefined) return void this.all.set(key, known + by);
    if (key !== this.other && !this.isOurs(key)) {
      if (this.theirCount >= this.limit) return this.add(this.other, by);
      this.theirCount += 1;
    }
    this.all.set(key, by);
  }
}
