/** Looks at how much memory this process holds. */
export class ResidentMemory {
  #lastBytes = 0;

  /** @param read throws where the process may open no more files */
  constructor(private readonly read: () => number = () => process.memoryUsage.rss()) {
    this.#look();
  }

  /** In bytes; as of the last time where it cannot be read now. */
  get bytes(): number {
    this.#look();
    return this.#lastBytes;
  }

  #look(): void {
    try {
      this.#lastBytes = this.read();
    } catch {
      // A sample with an older figure is better than none, and than the end of the process.
    }
  }
}
