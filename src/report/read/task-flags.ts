/** Keeps marks for each request of each client, by which successes are audited and repeated records found. */
import type { RequestRecord } from '../../core/metrics/record';
import { ClientSums } from './client-sums';

const PAGE_TASKS = 256;
/** 256 MB. Ids spread so widely that they need more are not counters. */
const MAX_PAGES = 500_000;
const SEEN = 1;
const SUCCESS = 2;
const EXECUTED = 4;
const REPEATED = 8;
/** The upper bits of a mark are of the record itself: another record of the same request has others. */
const FINGERPRINT_BITS = 12;
const FINGERPRINT_SHIFT = 4;
const MAX_HOLES = 1000;
/** Ids further apart are not a counter's: no hole counts for more. */
const MAX_HOLE = 10_000_000;

/** Request ids without a record when a later one was read; it may follow. */
interface Hole {
  fromId: number;
  toId: number;
  /** The ids that still have no record. */
  count: number;
  /** Unix milliseconds: after the request before was due, and before the one after ended. */
  fromMs: number;
  toMs: number;
}

/** The first requests of each client are kept with their times, to compare clocks by. */
const TIMED_REQUESTS = 64;

/** The part of a record that tells it from another one of the same request. */
type Marked = Pick<
  RequestRecord,
  | 'request_id'
  | 'success'
  | 'start_time'
  | 'latency_ms'
  | 'service_ms'
  | 'assigned_server_id'
  | 'retry_count'
  | 'wrong_carriers'
>;

/** The pages that all clients together have allocated. */
interface Budget {
  pages: number;
  readonly maxPages: number;
}

/** Marks of every request of one client in one run, two bytes each. */
export class ClientTaskFlags {
  private readonly pages = new Map<number, Uint16Array>();
  /** The page of the last request, which is usually also that of the next one. */
  private number = -1;
  private page: Uint16Array = NO_PAGE;
  readonly sums = new ClientSums();
  /** Successes and failures by the client's own file; null without one. */
  saidCount: number | null = null;
  /** Its own file says that it was stopped before its plan was done. */
  wasInterrupted = false;
  lastId = 0;
  /** Unix milliseconds: when the last request was due. */
  lastDueMs = -Infinity;
  private readonly holes: Hole[] = [];
  /** Unix milliseconds by request id, start and end in turn; 0 if not kept. */
  private times: Float64Array | null = null;

  constructor(private readonly budget: Budget) {}

  /** Marks a request as seen. Returns `seen` or `differs` if it had a record, `full` if there is no room for it. */
  see(record: Marked): 'new' | 'seen' | 'differs' | 'full' {
    const { request_id: requestId, success } = record;
    if (!this.turnTo(requestId)) return 'full';
    const at = requestId % PAGE_TASKS;
    const marks = this.page[at]!;
    const mark = SEEN | (success ? SUCCESS : 0) | (fingerprintOf(record) << FINGERPRINT_SHIFT);
    if ((marks & SEEN) !== 0) return (marks & ~EXECUTED & ~REPEATED) === mark ? 'seen' : 'differs';
    this.page[at] = marks | mark;
    return 'new';
  }

  /** Notes a record in the order of its file: a client numbers its requests from 1, and writes them as they end. */
  follow(requestId: number, dueMs: number, endMs: number): void {
    if (requestId > this.lastId + 1) this.addHole(this.lastId + 1, requestId - 1, endMs);
    else if (requestId < this.lastId) this.fillHole(requestId);
    this.lastId = Math.max(this.lastId, requestId);
    this.lastDueMs = Math.max(this.lastDueMs, dueMs);
  }

  /** Keeps the times of a success that only one server was asked for, if it is among the first. */
  time(requestId: number, dueMs: number, endMs: number): void {
    if (requestId >= TIMED_REQUESTS) return;
    this.times ??= new Float64Array(2 * TIMED_REQUESTS);
    this.times[2 * requestId] = dueMs;
    this.times[2 * requestId + 1] = endMs;
  }

  /** Returns undefined if they were not kept. */
  timesOf(requestId: number): { from: number; to: number } | undefined {
    if (this.times === null || requestId >= TIMED_REQUESTS) return undefined;
    const [from, to] = [this.times[2 * requestId]!, this.times[2 * requestId + 1]!];
    return to === 0 ? undefined : { from, to };
  }

  /** Returns the requests between others that have no record: how many, and in which times they may have been due. */
  gaps(): { count: number; from: number; to: number }[] {
    return this.holes
      .filter(({ count }) => count > 0)
      .map(({ count, fromMs, toMs }) => ({ count: Math.min(count, MAX_HOLE), from: fromMs, to: toMs }));
  }

  /** Beyond a limit, holes are merged: their number stays right, their times grow. */
  private addHole(fromId: number, toId: number, endMs: number): void {
    const count = toId - fromId + 1;
    const last = this.holes.at(-1);
    if (last === undefined || this.holes.length < MAX_HOLES)
      return void this.holes.push({ fromId, toId, count, fromMs: this.lastDueMs, toMs: endMs });
    last.toId = toId;
    last.count += count;
    last.toMs = Math.max(last.toMs, endMs);
  }

  /** The record of an id below the greatest one was read: holes are in ascending order of ids. */
  private fillHole(requestId: number): void {
    let low = 0;
    let high = this.holes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.holes[middle]!.toId < requestId) low = middle + 1;
      else high = middle;
    }
    const hole = this.holes[low];
    if (hole !== undefined && hole.fromId <= requestId) hole.count -= 1;
  }

  /** Records that a server answered the request with a carrier. */
  execute(requestId: number): void {
    if (!this.turnTo(requestId)) return;
    const at = requestId % PAGE_TASKS;
    this.page[at]! |= (this.page[at]! & EXECUTED) === 0 ? EXECUTED : REPEATED;
  }

  /** Counts executions of requests later than any with a record. */
  executedAfter(): number {
    let count = 0;
    for (const [number, page] of this.pages) {
      if ((number + 1) * PAGE_TASKS <= this.lastId) continue;
      page.forEach((marks, at) => {
        if ((marks & EXECUTED) !== 0 && number * PAGE_TASKS + at > this.lastId) count += 1;
      });
    }
    return count;
  }

  /** Counts tasks executed more than once, and successes without an execution. */
  audit(): { repeated: number; lost: number } {
    let repeated = 0;
    let lost = 0;
    for (const page of this.pages.values()) {
      for (const marks of page) {
        if (marks & REPEATED) repeated += 1;
        if ((marks & (SUCCESS | EXECUTED)) === SUCCESS) lost += 1;
      }
    }
    return { repeated, lost };
  }

  private turnTo(requestId: number): boolean {
    const number = Math.floor(requestId / PAGE_TASKS);
    if (number === this.number) return true;
    let page = this.pages.get(number);
    if (page === undefined) {
      if (this.budget.pages >= this.budget.maxPages) return false;
      this.budget.pages += 1;
      this.pages.set(number, (page = new Uint16Array(PAGE_TASKS)));
    }
    this.number = number;
    this.page = page;
    return true;
  }
}

const NO_PAGE = new Uint16Array(0);

/** Mixes the figures of a record; the factors are odd numbers without a pattern. */
function fingerprintOf(record: Marked): number {
  const { start_time: startMs, latency_ms: latencyMs, service_ms: serviceMs } = record;
  const mixed =
    Math.imul(startMs * 1000, 0x9e3779b1) ^
    Math.imul(latencyMs * 1000, 0x85ebca6b) ^
    Math.imul(serviceMs * 1000, 0x27d4eb2f) ^
    Math.imul((record.assigned_server_id ?? -1) * 16 + record.retry_count, 0xc2b2ae35) ^
    Math.imul(record.wrong_carriers?.length ?? 0, 0x165667b1);
  return mixed >>> (32 - FINGERPRINT_BITS);
}

/** The tasks of all runs, by run and client name. */
export class TaskFlags {
  /** Keyed by run, then by name: a combined key would cost a string for each line of an event file. */
  private readonly runs = new Map<string, Map<string, ClientTaskFlags>>();
  private readonly budget: Budget;

  constructor(maxPages = MAX_PAGES) {
    this.budget = { pages: 0, maxPages };
  }

  /** Returns the client's tasks, created on demand; undefined if there is no room for more. */
  of(runId: string, clientName: string): ClientTaskFlags | undefined {
    let tasks = this.find(runId, clientName);
    if (tasks !== undefined || this.budget.pages >= this.budget.maxPages) return tasks;
    let clients = this.runs.get(runId);
    if (clients === undefined) this.runs.set(runId, (clients = new Map<string, ClientTaskFlags>()));
    clients.set(clientName, (tasks = new ClientTaskFlags(this.budget)));
    return tasks;
  }

  find(runId: string, clientName: string): ClientTaskFlags | undefined {
    return this.runs.get(runId)?.get(clientName);
  }

  forget(runId: string, clientName: string): void {
    this.runs.get(runId)?.delete(clientName);
  }

  *values(): Iterable<ClientTaskFlags> {
    for (const clients of this.runs.values()) yield* clients.values();
  }
}
