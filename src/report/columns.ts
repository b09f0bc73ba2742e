/** One finished request (success or failure), as the report needs it. Times are unix milliseconds. */
export interface Row {
  startMs: number;
  endMs: number;
  latencyMs: number;
  serviceMs: number;
  /** Number of the image's name. */
  image: number;
  /** Number of the server's id plus 1; 0: no server. */
  server: number;
  term: number;
  /** Number of the failure's reason plus 1; 0: none. */
  reason: number;
  success: boolean;
  retried: boolean;
  hedged: boolean;
}

/** Latencies are kept as whole microseconds in 32 bits. */
export const MAX_LATENCY_MS = (2 ** 32 - 1) / 1000;
const MAX_TERM = 2 ** 32 - 1;
const FIRST_ROWS = 1024;
const MAX_ROWS = 65_536;
const SUCCESS = 1;
const RETRIED = 2;
const HEDGED = 4;

/**
 * Requests by column, 26 bytes each: ten million objects would not fit into memory, and what a fault did to them can be
 * told only when all are read. Microseconds are exact, because records have no finer times.
 */
export class RequestColumns {
  count = 0;
  #last = newChunk(FIRST_ROWS);
  readonly #chunks = [this.#last];

  add(row: Omit<Row, 'endMs'>): void {
    const chunk = this.#last.count < this.#last.start.length ? this.#last : this.#grow();
    const at = chunk.count++;
    this.count += 1;
    chunk.start[at] = row.startMs;
    chunk.latency[at] = Math.round(row.latencyMs * 1000);
    chunk.service[at] = Math.round(row.serviceMs * 1000);
    chunk.image[at] = row.image;
    chunk.server[at] = row.server;
    chunk.term[at] = Math.min(row.term, MAX_TERM);
    chunk.reason[at] = row.reason;
    chunk.flags[at] = (row.success ? SUCCESS : 0) | (row.retried ? RETRIED : 0) | (row.hedged ? HEDGED : 0);
  }

  #grow(): Chunk {
    this.#last = newChunk(Math.min(MAX_ROWS, FIRST_ROWS * 2 ** this.#chunks.length));
    this.#chunks.push(this.#last);
    return this.#last;
  }

  /** Shows every request, in the order in which they came; `row` is one and the same object, valid until the next. */
  forEach(visit: (row: Row) => void): void {
    const row = {} as Row;
    for (const chunk of this.#chunks) {
      for (let at = 0; at < chunk.count; at++) {
        const flags = chunk.flags[at]!;
        row.startMs = chunk.start[at]!;
        row.latencyMs = chunk.latency[at]! / 1000;
        row.serviceMs = chunk.service[at]! / 1000;
        row.endMs = row.startMs + row.latencyMs;
        row.image = chunk.image[at]!;
        row.server = chunk.server[at]!;
        row.term = chunk.term[at]!;
        row.reason = chunk.reason[at]!;
        row.success = (flags & SUCCESS) !== 0;
        row.retried = (flags & RETRIED) !== 0;
        row.hedged = (flags & HEDGED) !== 0;
        visit(row);
      }
    }
  }
}

type Chunk = ReturnType<typeof newChunk>;

function newChunk(rows: number) {
  return {
    count: 0,
    start: new Float64Array(rows),
    latency: new Uint32Array(rows),
    service: new Uint32Array(rows),
    image: new Uint16Array(rows),
    server: new Uint16Array(rows),
    term: new Uint32Array(rows),
    reason: new Uint8Array(rows),
    flags: new Uint8Array(rows),
  };
}
