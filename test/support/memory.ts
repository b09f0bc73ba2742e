import { readFileSync } from 'node:fs';

export const MB = 1024 * 1024;

/** The resident memory of a process, as the kernel counts it; 0 once it is gone. */
export function rssBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Polls the memory of processes and remembers each one's peak. */
export class MemoryWatch {
  private readonly baseBytes: number[];
  private readonly peakBytes: number[];
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly pids: readonly number[],
    everyMs = 20,
  ) {
    this.baseBytes = pids.map(rssBytes);
    this.peakBytes = [...this.baseBytes];
    this.timer = setInterval(() => this.look(), everyMs).unref();
  }

  /** The growth of each process from the start of the watch to its peak, in MB. */
  get grownMb(): number[] {
    this.look();
    return this.peakBytes.map((peak, index) => Math.round((peak - this.baseBytes[index]!) / MB));
  }

  get peakMb(): number[] {
    this.look();
    return this.peakBytes.map((peak) => Math.round(peak / MB));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    this.pids.forEach((pid, index) => (this.peakBytes[index] = Math.max(this.peakBytes[index]!, rssBytes(pid))));
  }
}
