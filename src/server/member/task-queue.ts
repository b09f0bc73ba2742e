/** The tasks that this server accepted: at most `workers` run, at most `queueLimit` wait, in order of arrival. Pure. */
import type { ConnId, ExecutionOutcome } from './effects';

export interface Task {
  executionId: number;
  key: string;
  connId: ConnId;
  requestId: number;
  /** The time at which the client stops waiting, on this server's clock; Infinity if unknown. */
  deadlineMs: number;
}

/** A waiting task gives way to a newcomer only if it has at least this much more time left. */
const YIELD_MS = 250;

export class TaskQueue {
  private readonly running = new Map<number, Task>();
  private waiting: Task[] = [];
  doneCount = 0;

  constructor(
    private readonly workers: number,
    private readonly queueLimit: number,
  ) {}

  get activeCount(): number {
    return this.running.size;
  }

  get queuedCount(): number {
    return this.waiting.length;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting.length === 0;
  }

  get isFull(): boolean {
    return this.running.size + this.waiting.length >= this.workers + this.queueLimit;
  }

  push(task: Task): void {
    this.waiting.push(task);
  }

  /**
   * Makes room in a full queue: removes the waiting task with the most time left, if that is clearly more than the
   * newcomer has. A client that was refused before comes back with less time than those that have just begun, and is
   * not starved by them. A client that did not state its deadline does not come back, and keeps its place.
   */
  yieldTo(deadlineMs: number): Task | null {
    const hasMore = this.waiting.filter(
      (task) => task.deadlineMs < Infinity && task.deadlineMs >= deadlineMs + YIELD_MS,
    );
    // mutation: newcomers starve others
    if (hasMore.length === 0) return null;
    const most = hasMore.reduce((best, task) => (task.deadlineMs > best.deadlineMs ? task : best));
    this.waiting = this.waiting.filter((task) => task !== most);
    return most;
  }

  /** Takes the tasks that may run now. Waiting tasks whose client gave up are returned in `expired`, never executed. */
  take(nowMs: number): { start: Task[]; expired: Task[] } {
    const start: Task[] = [];
    const expired: Task[] = [];
    while (this.waiting.length > 0 && this.running.size < this.workers) {
      const task = this.waiting.shift()!;
      // mutation: expired tasks run
      if (task.deadlineMs <= nowMs) {
        expired.push(task);
      } else {
        this.running.set(task.executionId, task);
        start.push(task);
      }
    }
    return { start, expired };
  }

  /** Ends a running task; returns undefined if it was dropped before. */
  finish(executionId: number, outcome: ExecutionOutcome): Task | undefined {
    const task = this.running.get(executionId);
    if (!task) return undefined;
    this.running.delete(executionId);
    if (outcome === 'answered') this.doneCount += 1;
    return task;
  }

  /** Removes every task that matches, waiting or running. */
  drop(matches: (task: Task) => boolean): Task[] {
    const dropped = [...this.waiting, ...this.running.values()].filter(matches);
    this.waiting = this.waiting.filter((task) => !matches(task));
    for (const task of dropped) this.running.delete(task.executionId);
    return dropped;
  }
}
