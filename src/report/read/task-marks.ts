const PAGE_TASKS = 256;
/** 128 MiB. Ids that lie so far apart that they need more are no counts. */
const MAX_PAGES = 500_000;
const SEEN = 1;
const SUCCESS = 2;
const EXECUTED = 4;
const REPEATED = 8;

/** Pages that all clients together have taken. */
interface Budget {
  pages: number;
  readonly maxPages: number;
}

/** What is known of every request of one client in one run, one byte each. */
export class ClientTasks {
  readonly #pages = new Map<number, Uint8Array>();
  /** The page of the last request: the next one stands there too, mostly. */
  #number = -1;
  #page: Uint8Array = NO_PAGE;
  /** For the check against the client's own file. */
  successCount = 0;
  failedCount = 0;

  constructor(private readonly budget: Budget) {}

  /** Marks a request as seen, unless it was before; `full`: there is no room for it. */
  see(requestId: number, isSuccess: boolean): 'new' | 'seen' | 'full' {
    if (!this.#turnTo(requestId)) return 'full';
    const at = requestId % PAGE_TASKS;
    const marks = this.#page[at]!;
    if ((marks & SEEN) !== 0) return 'seen';
    this.#page[at] = marks | SEEN | (isSuccess ? SUCCESS : 0);
    return 'new';
  }

  /** A server answered it with a carrier. */
  execute(requestId: number): void {
    if (!this.#turnTo(requestId)) return;
    const at = requestId % PAGE_TASKS;
    this.#page[at]! |= (this.#page[at]! & EXECUTED) === 0 ? EXECUTED : REPEATED;
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

  #turnTo(requestId: number): boolean {
    const number = Math.floor(requestId / PAGE_TASKS);
    if (number === this.#number) return true;
    let page = this.#pages.get(number);
    if (page === undefined) {
      if (this.budget.pages >= this.budget.maxPages) return false;
      this.budget.pages += 1;
      this.#pages.set(number, (page = new Uint8Array(PAGE_TASKS)));
    }
    this.#number = number;
    this.#page = page;
    return true;
  }
}

const NO_PAGE = new Uint8Array(0);

/** The tasks of a whole run by run and client name. */
export class Tasks {
  /** By run, then by name: a key made of both would cost a text for each line of an event file. */
  readonly #runs = new Map<string, Map<string, ClientTasks>>();
  readonly #budget: Budget;

  constructor(maxPages = MAX_PAGES) {
    this.#budget = { pages: 0, maxPages };
  }

  /** Made when it is asked for; undefined if there is no room for another one. */
  of(runId: string, clientName: string): ClientTasks | undefined {
    let tasks = this.find(runId, clientName);
    if (tasks !== undefined || this.#budget.pages >= this.#budget.maxPages) return tasks;
    let clients = this.#runs.get(runId);
    if (clients === undefined) this.#runs.set(runId, (clients = new Map<string, ClientTasks>()));
    clients.set(clientName, (tasks = new ClientTasks(this.#budget)));
    return tasks;
  }

  find(runId: string, clientName: string): ClientTasks | undefined {
    return this.#runs.get(runId)?.get(clientName);
  }

  forget(runId: string, clientName: string): void {
    this.#runs.get(runId)?.delete(clientName);
  }

  *values(): Iterable<ClientTasks> {
    for (const clients of this.#runs.values()) yield* clients.values();
  }
}
