/** Estimates how long this server takes for a task of a given size, from the tasks that it has ended. Pure. */

/** Assumed until tasks have ended, in milliseconds per MiB: a slow machine, so that the first burst does no harm. */
const FIRST_MS_PER_MIB = 100;
const MIB_BYTES = 1024 * 1024;
/** The cost of a task besides that of its bytes, as a number of bytes. */
const TASK_BYTES = 32 * 1024;
/** The weight of the past when a task ends: about the last twenty count. */
const FADE = 0.9;

/**
 * Measures throughput while there is work, so that the number of workers and whatever else the machine does are in it:
 * the time since the previous end, or since work began.
 */
export class ServiceTime {
  private ms = assumedMs(0);
  private bytes = TASK_BYTES;
  private tasks = 0;
  private taskMs = 0;
  private sinceMs = 0;

  /** Work begins after an idle time, or time has passed that says nothing about the work. */
  begin(nowMs: number): void {
    this.sinceMs = nowMs;
  }

  /** A task ended whose secret had this size. */
  ended(secretBytes: number, nowMs: number): void {
    const tookMs = Math.max(0, nowMs - this.sinceMs);
    this.ms = this.ms * FADE + tookMs;
    this.taskMs = this.taskMs * FADE + tookMs;
    this.bytes = this.bytes * FADE + secretBytes + TASK_BYTES;
    this.tasks = this.tasks * FADE + 1;
    this.sinceMs = nowMs;
  }

  /** Returns the time from one end to the next, in milliseconds; 0: not known. */
  get msPerTask(): number {
    return this.tasks === 0 ? 0 : this.taskMs / this.tasks;
  }

  /** Returns the time that tasks take together, in milliseconds. */
  msFor(tasks: number, secretBytes: number): number {
    return (this.ms / this.bytes) * (secretBytes + tasks * TASK_BYTES);
  }
}

/** Returns what a task with a secret of this size may take at a server about which nothing is known, in milliseconds. */
export function assumedMs(secretBytes: number): number {
  return (FIRST_MS_PER_MIB * (secretBytes + TASK_BYTES)) / MIB_BYTES;
}
