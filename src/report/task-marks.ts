const PAGE_TASKS = 256;
const SEEN = 1;
const SUCCESS = 2;
const EXECUTED = 4;
const REPEATED = 8;

/** What is known of every request of one client in one run, one byte each. */
export class ClientTasks {
  readonly #pages = new Map<number, Uint8Array>();
  /** For the check against the client's own file. */
  successCount = 0;
  failedCount = 0;

  /** False if this request was there before. */
  see(requestId: number, isSuccess: boolean): boolean {
    if (this.#has(requestId, SEEN)) return false;
    this.#mark(requestId, SEEN | (isSuccess ? SUCCESS : 0));
    return true;
  }

  /** A server answered it with a carrier. */
  execute(requestId: number): void {
    this.#mark(requestId, this.#has(requestId, EXECUTED) ? REPEATED : EXECUTED);
  }

  /** Tasks executed more than once, and successes that nobody executed. */
  audit(): { repeated: number; lost: number } {
    let repeated = 0;
    let lost = 0;
    for (const page of this.#pages.values()) {
      for (const marks of page) {
        if (marks & REPEATED) repeated += 1;
        if ((marks & (SUCCESS | EXECUTED)) === SUCCESS) lost += 1;
      }
    }
    return { repeated, lost };
  }

  #has(requestId: number, mark: number): boolean {
    const page = this.#pages.get(Math.floor(requestId / PAGE_TASKS));
    return page !== undefined && (page[requestId % PAGE_TASKS]! & mark) !== 0;
  }

  #mark(requestId: number, marks: number): void {
    const number = Math.floor(requestId / PAGE_TASKS);
    const page = this.#pages.get(number) ?? new Uint8Array(PAGE_TASKS);
    page[requestId % PAGE_TASKS]! |= marks;
    this.#pages.set(number, page);
  }
}

/** The tasks of a whole run by run and client name. */
export class Tasks {
  readonly #clients = new Map<string, ClientTasks>();

  /** Made when it is asked for. */
  of(runId: string, clientName: string): ClientTasks {
    const key = keyOf(runId, clientName);
    let tasks = this.#clients.get(key);
    if (tasks === undefined) this.#clients.set(key, (tasks = new ClientTasks()));
    return tasks;
  }

  find(runId: string, clientName: string): ClientTasks | undefined {
    return this.#clients.get(keyOf(runId, clientName));
  }

  forget(runId: string, clientName: string): void {
    this.#clients.delete(keyOf(runId, clientName));
  }

  values(): Iterable<ClientTasks> {
    return this.#clients.values();
  }
}

function keyOf(runId: string, clientName: string): string {
  return JSON.stringify([runId, clientName]);
}
