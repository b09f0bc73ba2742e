/**
 * The tasks that this server accepted: at most `workers` run. They start in order of arrival while they wait no longer
 * than was expected, else the newest first. Pure.
 */
import type { ConnId, ExecutionOutcome } from './effects';

export interface Task {
  executionId: number;
  key: string;
  connId: ConnId;
  requestId: number;
  /** The time at which the client stops waiting, on this server's clock; Infinity if unknown. */
  deadlineMs: number;
  secretBytes: number;
  /** It should have started by then: later, newer tasks are the likelier ones to end in time. */
  startByMs: number;
}

export class TaskQueue {
  private readonly running = new Map<number, Task>();
  private waiting: Task[] = [];
  /** No deadline of a waiting task is earlier. */
  private soonestMs = Infinity;
  doneCount = 0;
  /** The sizes of all secrets together, in bytes. */
  secretBytes = 0;

  constructor(private readonly workers: number) {}

  get activeCount(): number {
    return this.running.size;
  }

  get queuedCount(): number {
    return this.waiting.length;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting.length === 0;
  }

  push(task: Task): void {
    this.waiting.push(task);
    this.soonestMs = Math.min(this.soonestMs, task.deadlineMs);
    this.secretBytes += task.secretBytes;
  }

  /**
   * Takes the tasks that may run now. Waiting tasks whose client gave up, or will before they can be done, are returned
   * in `expired`, never executed. `needsMs` estimates how long a task takes; while nothing runs it is not believed.
   */
  take(nowMs: number, needsMs: (task: Task) => number = () => 0): { start: Task[]; expired: Task[] } {
    const start: Task[] = [];
    const expired = nowMs < this.soonestMs ? [] : this.dropWaiting(({ deadlineMs }) => deadlineMs <= nowMs);
    while (this.waiting.length > 0 && this.running.size < this.workers) {
      const isLate = nowMs > this.waiting[0]!.startByMs;
      const task = isLate ? this.waiting.pop()! : this.waiting.shift()!;
      if (this.running.size > 0 && task.deadlineMs <= nowMs + needsMs(task)) {
        expired.push(task);
        this.secretBytes -= task.secretBytes;
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
    this.secretBytes -= task.secretBytes;
    if (outcome === 'answered') this.doneCount += 1;
    return task;
  }

  /** Removes every task that matches, waiting or running. */
  drop(matches: (task: Task) => boolean): Task[] {
    const running = [...this.running.values()].filter(matches);
    for (const { executionId, secretBytes } of running) {
      this.running.delete(executionId);
      this.secretBytes -= secretBytes;
    }
    return [...this.dropWaiting(matches), ...running];
  }

  private dropWaiting(matches: (task: Task) => boolean): Task[] {
    const dropped = this.waiting.filter(matches);
    this.waiting = this.waiting.filter((task) => !matches(task));
    this.soonestMs = this.waiting.reduce((soonestMs, { deadlineMs }) => Math.min(soonestMs, deadlineMs), Infinity);
    for (const { secretBytes } of dropped) this.secretBytes -= secretBytes;
    return dropped;
  }
}
