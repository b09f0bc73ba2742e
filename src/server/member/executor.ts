/**
 * Queues and starts tasks on this server, which is authoritative for them, and reports their starts and ends to its
 * peers. Pure.
 */
import { taskKey, taskName } from '../../core/balancing/task-key';
import type { Ledger } from '../../core/balancing/ledger';
import type { ServerPhase } from '../../core/protocol';
import {
  type ConnId,
  type ConnInfo,
  type ExecutionOutcome,
  type Input,
  MAX_TIMEOUT_MS,
  READ_FIRST_MS,
} from './effects';
import type { MemberConfig, Now, TaskMessage } from './effects';
import type { News, TaskNews } from './news';
import type { EffectBuffer } from './effect-buffer';
import { OverloadNews } from './overload-news';
import { ServiceTime } from './service-time';
import { type Refusal, taskRefusal } from './task-refusal';
import { TaskQueue, type Task } from './task-queue';

/**
 * The longest time that task news waits to be sent together. A small task's start and end fit into one batch; a longer
 * wait saves little and makes the leader believe that ended tasks still run.
 */
const HISTORY_BATCH_MS = 1;

/**
 * A task is refused if it would have to wait for more than this share of the time left to its client: estimates err,
 * and the way back takes time.
 */
const WAIT_SHARE = 3 / 4;
/** A secret that has been arriving for longer than this may have stopped. */
const ARRIVAL_MS = 2000;
/** The least and most time after which a refused client should come again. */
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 1000;

/** A task that was accepted at `atMs` while its secret arrives. */
interface Arriving {
  secretBytes: number;
  atMs: number;
}

export class Executor {
  readonly queue: TaskQueue;
  phase: ServerPhase = 'starting';
  private history: TaskNews[] = [];
  private flushMs = Infinity;
  /** After a pause: the sockets are read first, since a cancel or a closed connection may be waiting in them. */
  private holdUntilMs = -Infinity;
  private readonly overload: OverloadNews;
  private readonly service = new ServiceTime();
  /** Tasks whose secrets are arriving. */
  private readonly arriving = new Map<ConnId, Arriving>();

  constructor(
    private readonly config: MemberConfig,
    private readonly ledger: Ledger,
    private readonly effects: EffectBuffer,
    private readonly news: News,
  ) {
    this.overload = new OverloadNews(effects);
    this.queue = new TaskQueue(config.workers);
  }

  /** The time from the end of one task to the next while there is work, in milliseconds; 0: not known. */
  get taskMs(): number {
    return Math.round(this.service.msPerTask);
  }

  /** Returns true if the task whose secret arrives over this connection was accepted. */
  isArriving(connId: ConnId): boolean {
    return this.arriving.has(connId);
  }

  /** A large secret begins to arrive: it is accepted, or refused before it has all been sent. */
  onTaskHead({ conn, message, secretBytes }: Extract<Input, { type: 'taskHead' }>, nowMs: number): void {
    const refused = this.refusal(message, secretBytes, nowMs);
    if (refused) this.effects.reply(conn.id, taskRefusal(message.request_id, refused));
    else this.arriving.set(conn.id, { secretBytes, atMs: nowMs });
  }

  onTaskRequest(
    conn: ConnInfo,
    message: TaskMessage,
    held: { executionId: number; secretBytes: number },
    now: Now,
  ): void {
    const { nowMs } = now;
    const { secretBytes, executionId } = held;
    const begun = this.arriving.get(conn.id);
    this.arriving.delete(conn.id);
    const refused = this.refusal(message, secretBytes, nowMs, begun?.atMs);
    if (refused) {
      this.effects.push({ type: 'discard', executionId });
      this.effects.reply(conn.id, taskRefusal(message.request_id, refused));
      return;
    }
    const key = taskKey(message, conn.remoteHost);
    const leftMs = timeLeftMs(message);
    const sinceMs = begun?.atMs ?? nowMs;
    const times = { deadlineMs: sinceMs + leftMs, startByMs: sinceMs + leftMs * WAIT_SHARE };
    if (this.queue.isIdle) this.service.begin(nowMs);
    this.queue.push({ executionId, key, connId: conn.id, requestId: message.request_id, secretBytes, ...times });
    const where = { assigned_server_id: this.config.id, timestamp: now.unixMs / 1000 };
    this.tellLater({ kind: 'HistoryAdd', ...taskName(key), ...where }, nowMs);
  }

  onExecuted(executionId: number, outcome: ExecutionOutcome, nowMs: number): void {
    const task = this.queue.finish(executionId, outcome);
    if (!task) return;
    if (outcome === 'answered') this.service.ended(task.secretBytes, nowMs);
    else this.service.begin(nowMs);
    this.end(task, outcome, nowMs);
  }

  /** The client no longer wants the task. Only the task's own connection may cancel it. */
  onCancel(conn: ConnInfo, key: string, nowMs: number): void {
    this.dropWhere((task) => task.connId === conn.id && task.key === key, 'cancelled', nowMs);
  }

  onConnClosed(connId: ConnId, nowMs: number): void {
    this.arriving.delete(connId);
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

  /** This process stood still until now: the sockets are read before anything is executed. */
  hold(nowMs: number): void {
    this.holdUntilMs = nowMs + READ_FIRST_MS;
    this.service.begin(this.holdUntilMs);
  }

  /** Starts the tasks that may run and sends the news that is due. */
  pump(now: Now, mayExecute: boolean): void {
    // The hold ends whether or not anything may run: a deadline left in the past would cause ticks without end.
    if (now.nowMs >= this.holdUntilMs) this.holdUntilMs = -Infinity;
    if (mayExecute && this.phase !== 'starting' && this.holdUntilMs === -Infinity) {
      const { start, expired } = this.queue.take(now.nowMs, ({ secretBytes }) => this.service.msFor(1, secretBytes));
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

  /** `begunMs`: when its secret, which has arrived now, began to. */
  private refusal(message: TaskMessage, secretBytes: number, nowMs: number, begunMs?: number): Refusal | null {
    const { id } = this.config;
    const statedMs = timeLeftMs(message);
    if (statedMs <= 0 || nowMs + statedMs <= nowMs) return tooLate(message.timeout_ms!);
    const leftMs = statedMs - (nowMs - (begunMs ?? nowMs));
    // A client that did not state its deadline, like the original's, would not come back: its task waits here.
    if (this.phase === 'starting' && leftMs < Infinity) {
      return { code: 'starting', message: `server ${id} is still decoding its cover` };
    }
    if (this.phase === 'leaving') return this.leavingRefusal();
    // It was accepted before those whose secrets are still arriving, and has been paid for: all of its time counts.
    const isHere = begunMs !== undefined;
    const why = this.whyOverloaded(isHere ? leftMs : leftMs * WAIT_SHARE, secretBytes, isHere ? [] : this.fresh(nowMs));
    if (why === null) return null;
    const text = `server ${id} is overloaded: ${why.message}`;
    this.overload.tell(text, nowMs);
    return { code: 'overloaded', message: text, retryAfterMs: why.retryAfterMs };
  }

  /** A secret that does not go on arriving holds no place: callers that send only heads must not keep others out. */
  private fresh(nowMs: number): Arriving[] {
    return [...this.arriving.values()].filter(({ atMs }) => nowMs - atMs <= ARRIVAL_MS);
  }

  /**
   * It must have ended in `withinMs`, after what is here and what arrives before it. While a worker is free the estimate
   * is not believed: it could be wrong for ever.
   */
  private whyOverloaded(
    withinMs: number,
    secretBytes: number,
    before: readonly Arriving[],
  ): { message: string; retryAfterMs: number } | null {
    const { activeCount, queuedCount } = this.queue;
    const { workers, queueLimit } = this.config;
    const arrivingBytes = before.reduce((sum, { secretBytes: bytes }) => sum + bytes, 0);
    const present = activeCount + queuedCount;
    const count = present + before.length;
    const waitMs = this.service.msFor(count, this.queue.secretBytes + arrivingBytes);
    const isFull = present >= workers && count >= workers + queueLimit;
    const isTooLate = present >= workers && waitMs + this.service.msFor(1, secretBytes) > withinMs;
    if (!isFull && !isTooLate) return null;
    const message = `${activeCount} running, ${count - activeCount} queued`;
    const retryAfterMs = Math.ceil(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, waitMs / 2)));
    return { message: isFull ? message : `${message}, for ${Math.round(waitMs)} ms`, retryAfterMs };
  }

  private leavingRefusal(): Refusal {
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

/** Infinity if the client did not state its deadline. */
function timeLeftMs({ timeout_ms: timeoutMs }: TaskMessage): number {
  return timeoutMs === undefined ? Infinity : Math.min(timeoutMs, MAX_TIMEOUT_MS);
}

function tooLate(timeoutMs: number): Refusal {
  // A fraction can be lost when it is added to the time: it is more than 0, but leaves no time.
  const wanted = timeoutMs > 0 ? 'a task needs longer' : 'expected more than 0';
  return { code: 'deadline_passed', message: `timeout_ms is ${timeoutMs}: ${wanted}` };
}
