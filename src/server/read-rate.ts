/** How much of a reader's waiting time is looked at together. */
const WINDOW_MS = 60_000;
/**
 * Below this over a window, a reader is too slow. A link of 64 KiB/s must pass in every window, and the kernel tells of
 * progress in lumps: a third of a send buffer of 4 MiB, or a sixteenth of a receive buffer of 32 MiB, which is 2 MiB or
 * half a minute at that rate. One lump of 1 MiB in a window is enough for a quarter of it.
 */
export const MIN_BYTES_PER_SECOND = 16 * 1024;
/** After a pause of this process the time since the last look says nothing about the reader. */
const MAX_STEP_MS = 2000;

/**
 * How fast a reader takes what is written to it: by the time in which it is waited for. What it takes between two waits
 * counts, too, but not what the kernel's empty buffers took before the first one. Pure: time is an argument.
 */
export class ReadRate {
  /** The window before this one. */
  private past = { bytes: 0, ms: 0 };
  private window = { bytes: 0, ms: 0 };
  private stalledMs = 0;
  private lookedMs = 0;
  private takenBytes: number | undefined;
  private waitCount = 0;

  /** Somebody waits for the reader, which has taken so many bytes so far. */
  begin(nowMs: number, takenBytes: number): void {
    if (this.waitCount++ > 0) return;
    this.lookedMs = nowMs;
    this.takenBytes ??= takenBytes;
    this.stalledMs = 0;
  }

  /** The opposite of `begin`. */
  end(nowMs: number, takenBytes: number): void {
    this.look(nowMs, takenBytes);
    this.waitCount -= 1;
  }

  get isWaitedFor(): boolean {
    return this.waitCount > 0;
  }

  /** Bytes a second in this window and the one before. */
  get bytesPerSecond(): number {
    const ms = this.past.ms + this.window.ms;
    return ms === 0 ? 0 : ((this.past.bytes + this.window.bytes) * 1000) / ms;
  }

  /** Waited for, and nothing taken, for so long. */
  get stalledForMs(): number {
    return this.isWaitedFor ? this.stalledMs : 0;
  }

  /** Measures; true when a window has ended in which the reader was too slow. */
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
