/** Reads the resident memory of this process. */
export class ResidentMemory {
  private lastBytes = 0;

  /** @param read throws if the process has no file descriptors left */
  constructor(private readonly read: () => number = () => process.memoryUsage.rss()) {
    this.look();
  }

  /** Resident memory in bytes; the last known figure if it cannot be read now. */
  get bytes(): number {
    this.look();
    return this.lastBytes;
  }

  private look(): void {
    try {
      this.lastBytes = this.read();
    } catch {
      // A sample with a stale figure is better than none, and better than a crash.
    }
  }
}
