/** Measures how fast a reader takes its data, over the time that it is waited for. Pure: time is an argument. */

/** The length of a measuring window, in time that a reader is waited for. */
const WINDOW_MS = 60_000;
/**
 * Below this over a window, a reader is too slow. A link of 64 KiB/s must pass in every window, and the kernel reports
 * progress in steps: a third of a send buffer of 4 MiB, or a sixteenth of a receive buffer of 32 MiB, which is 2 MiB or
 * half a minute at that rate. One step of 1 MiB in a window is enough for a quarter of it.
 */
export const MIN_BYTES_PER_SECOND = 16 * 1024;
/** After a pause of this process the time since the last look says nothing about the reader. */
const MAX_STEP_MS = 2000;

/** Counts data taken between two waits, too, but not what filled the kernel's empty buffers before the first one. */
export class ReadRate {
  /** The window before this one. */
  private past = { bytes: 0, ms: 0 };
  private window = { bytes: 0, ms: 0 };
  private stalledMs = 0;
  private lookedMs = 0;
  private takenBytes: number | undefined;
  private waitCount = 0;

  /** A wait for the reader begins; it has taken `takenBytes` so far. */
  begin(nowMs: number, takenBytes: number): void {
    if (this.waitCount++ > 0) return;
    this.lookedMs = nowMs;
    this.takenBytes ??= takenBytes;
    this.stalledMs = 0;
  }

  /** A wait for the reader ends; it has taken `takenBytes` so far. */
  end(nowMs: number, takenBytes: number): void {
    this.look(nowMs, takenBytes);
    this.waitCount -= 1;
  }

  get isWaitedFor(): boolean {
    return this.waitCount > 0;
  }

  /** Bytes per second in this window and the one before. */
  get bytesPerSecond(): number {
    const ms = this.past.ms + this.window.ms;
    return ms === 0 ? 0 : ((this.past.bytes + this.window.bytes) * 1000) / ms;
  }

  /** The time that it has been waited for without taking anything. */
  get stalledForMs(): number {
    return this.isWaitedFor ? this.stalledMs : 0;
  }

  /** Measures; returns true at the end of a window in which the reader was too slow. */
  look(nowMs: number, takenBytes: number): boolean {
    if (!this.isWaitedFor) return false;
    const stepMs = Math.min(nowMs - this.lookedMs, MAX_STEP_MS);
    const newBytes = takenBytes - this.takenBytes!;
    this.lookedMs = nowMs;
    this.takenBytes = takenBytes;
    this.window.ms += stepMs;
    this.window.bytes += newBytes;
    this.stalledMs = newBytes > 0 ? 0 : this.stalledMs + stepMs;
    if (this.window.ms < WINDOW_MS) return false;
    this.past = this.window;
    this.window = { bytes: 0, ms: 0 };
    return this.past.bytes * 1000 < MIN_BYTES_PER_SECOND * this.past.ms;
  }
}
