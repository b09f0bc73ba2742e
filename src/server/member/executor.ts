/**
 * Queues and starts tasks on this server, which is authoritative for them, and reports their starts and ends to its
 * peers. Pure.
 */
import { taskKey, taskName } from '../../core/balancing/task-key';
import type { Ledger } from '../../core/balancing/ledger';
import type { ServerPhase } from '../../core/protocol';
import type { ConnId, ConnInfo, ExecutionOutcome, MemberConfig, Now, TaskMessage } from './effects';
import type { News, TaskNews } from './news';
import type { EffectBuffer } from './effect-buffer';
import { taskRefusal } from './task-refusal';
import { TaskQueue, type Task } from './task-queue';

/**
 * The longest time that task news waits to be sent together. A small task's start and end fit into one batch; a longer
 * wait saves little and makes the leader believe that ended tasks still run.
 */
const HISTORY_BATCH_MS = 1;

/** No client waits longer, and sums with larger values lose precision. */
const MAX_TIMEOUT_MS = 24 * 3_600_000;

export class Executor {
  readonly queue: TaskQueue;
  phase: ServerPhase = 'starting';
  private history: TaskNews[] = [];
  private flushMs = Infinity;
  /** After a pause: the sockets are read first, since a cancel or a closed connection may be waiting in them. */
  private holdUntilMs = -Infinity;
  private overloadedSinceMs = -Infinity;

  constructor(
    private readonly config: MemberConfig,
    private readonly ledger: Ledger,
    private readonly effects: EffectBuffer,
    private readonly news: News,
  ) {
    this.queue = new TaskQueue(config.workers, config.queueLimit);
  }

  onTaskRequest(conn: ConnInfo, message: TaskMessage, executionId: number, now: Now): void {
    const { timeout_ms: timeoutMs } = message;
    const deadlineMs = now.nowMs + (timeoutMs === undefined ? Infinity : Math.min(timeoutMs, MAX_TIMEOUT_MS));
    const refused = deadlineMs <= now.nowMs ? tooLate(timeoutMs!) : this.refusal(deadlineMs, now.nowMs);
    const displaced = refused?.code === 'overloaded' ? this.queue.yieldTo(deadlineMs) : null;
    if (refused && displaced === null) {
      this.effects.push({ type: 'discard', executionId });
      this.effects.reply(conn.id, taskRefusal(message.request_id, refused));
      return;
    }
    if (refused && displaced !== null) {
      this.effects.reply(displaced.connId, taskRefusal(displaced.requestId, refused));
      this.discard(displaced, 'overloaded', now.nowMs);
    }
    const key = taskKey(message, conn.remoteHost);
    this.queue.push({ executionId, key, connId: conn.id, requestId: message.request_id, deadlineMs });
    const where = { assigned_server_id: this.config.id, timestamp: now.unixMs / 1000 };
    this.tellLater({ kind: 'HistoryAdd', ...taskName(key), ...where }, now.nowMs);
  }

  onExecuted(executionId: number, outcome: ExecutionOutcome, nowMs: number): void {
    const task = this.queue.finish(executionId, outcome);
    if (task) this.end(task, outcome, nowMs);
  }

  /** The client no longer wants the task. Only the task's own connection may cancel it. */
  onCancel(conn: ConnInfo, key: string, nowMs: number): void {
    this.dropWhere((task) => task.connId === conn.id && task.key === key, 'cancelled', nowMs);
  }

  onConnClosed(connId: ConnId, nowMs: number): void {
    // mutation: a closed connection ends no task
    this.dropWhere((task) => task.connId === connId, 'connection closed', nowMs);
  }

  /** Accepts no more tasks. Those that wait for the cover are refused; later ones finish. */
  leave(nowMs: number): void {
    const isStarting = this.phase === 'starting';
    this.phase = 'leaving';
    if (!isStarting) return;
    for (const task of this.queue.drop(() => true)) {
      this.effects.reply(task.connId, taskRefusal(task.requestId, this.leavingRefusal()));
      this.discard(task, 'leaving', nowMs);
    }
  }

  hold(untilMs: number): void {
    this.holdUntilMs = untilMs;
  }

  /** Starts the tasks that may run and sends the news that is due. */
  pump(now: Now, mayExecute: boolean): void {
    // The hold ends whether or not anything may run: a deadline left in the past would cause ticks without end.
    if (now.nowMs >= this.holdUntilMs) this.holdUntilMs = -Infinity;
    if (mayExecute && this.phase !== 'starting' && this.holdUntilMs === -Infinity) {
      const { start, expired } = this.queue.take(now.nowMs);
      for (const { executionId, connId, requestId, deadlineMs } of start) {
        this.effects.push({ type: 'execute', executionId, connId, requestId, deadlineMs });
      }
      for (const task of expired) this.expire(task, now.nowMs);
    }
    if (now.nowMs >= this.flushMs) this.flush(now.nowMs);
  }

  /**
   * Sends the news, also to this server's own ledger: a leader that learned of its own completions sooner than of its
   * peers' would take itself for the least busy and keep most tasks. Called before a new subscriber gets the whole
   * list, so that it does not get an old change after it.
   */
  flush(nowMs: number): void {
    for (const message of this.history) {
      if (message.kind === 'HistoryAdd') this.ledger.add(this.config.id, taskKey(message));
      else this.ledger.remove(this.config.id, taskKey(message), nowMs);
    }
    this.news.broadcast(this.history, nowMs);
    this.history = [];
    this.flushMs = Infinity;
  }

  nextMs(): number {
    const heldMs = this.holdUntilMs === -Infinity ? Infinity : this.holdUntilMs;
    return Math.min(this.flushMs, heldMs);
  }

  private refusal(deadlineMs: number, nowMs: number): { code: string; message: string } | null {
    const { id } = this.config;
    // A client that did not state its deadline, like the original's, would not come back: its task waits here.
    if (this.phase === 'starting' && deadlineMs < Infinity) {
      return { code: 'starting', message: `server ${id} is still decoding its cover` };
    }
    if (this.phase === 'leaving') return this.leavingRefusal();
    if (!this.queue.isFull) return null;
    const message = `server ${id} is overloaded: ${this.queue.activeCount} running, ${this.queue.queuedCount} queued`;
    // One event per second reports it; one per refusal would fill the disk just when the server is busiest.
    if (nowMs - this.overloadedSinceMs >= 1000) {
      this.overloadedSinceMs = nowMs;
      this.effects.event({ event: 'overloaded', reason: message });
    }
    return { code: 'overloaded', message };
  }

  private leavingRefusal(): { code: string; message: string } {
    return { code: 'leaving', message: `server ${this.config.id} is stopping` };
  }

  private dropWhere(matches: (task: Task) => boolean, outcome: string, nowMs: number): void {
    for (const task of this.queue.drop(matches)) this.discard(task, outcome, nowMs);
  }

  /** Answers the client: it has usually given up, but not if its deadline was cut or its clock runs slower. */
  private expire(task: Task, nowMs: number): void {
    const message = `server ${this.config.id} is overloaded: the task waited until its deadline`;
    this.effects.reply(task.connId, taskRefusal(task.requestId, { code: 'overloaded', message }));
    this.discard(task, 'expired', nowMs);
  }

  private discard(task: Task, outcome: string, nowMs: number): void {
    this.effects.push({ type: 'discard', executionId: task.executionId });
    this.end(task, outcome, nowMs);
  }

  private end(task: Task, outcome: string, nowMs: number): void {
    const name = taskName(task.key);
    this.tellLater({ kind: 'HistoryRemove', ...name }, nowMs);
    this.effects.event({ event: 'executed', ...name, outcome, incarnation: this.config.incarnation });
  }

  private tellLater(message: TaskNews, nowMs: number): void {
    this.history.push(message);
    this.flushMs = Math.min(this.flushMs, nowMs + HISTORY_BATCH_MS);
  }
}

function tooLate(timeoutMs: number): { code: string; message: string } {
  // A fraction can be lost when it is added to the time: it is more than 0, but leaves no time.
  const wanted = timeoutMs > 0 ? 'a task needs longer' : 'expected more than 0';
  return { code: 'deadline_passed', message: `timeout_ms is ${timeoutMs}: ${wanted}` };
}
