/** Stores requests by column, in 21 bytes each, so that millions of them fit into memory. */
import type { Interval } from '../report';

/**
 * One request that was due, with the fields that the report needs. Times are Unix milliseconds. An undecided one is
 * neither a success nor failed: it ends when the run ended, and its latency is its age.
 */
export interface Row {
  startMs: number;
  endMs: number;
  latencyMs: number;
  serviceMs: number;
  /** Index of the image's name. */
  image: number;
  /** Index of the server's id plus 1; 0 if there is no server. */
  server: number;
  term: number;
  /** Index of the failure reason plus 1; 0 if there is none. */
  reason: number;
  success: boolean;
  isFailed: boolean;
  retried: boolean;
  hedged: boolean;
}

/** Visits all requests, or only those in flight during `within`, which is much faster if that is short. */
export type ForEachRow = (visit: (row: Row) => void, within?: Interval) => void;

/** Latencies are kept as whole microseconds in 32 bits. */
export const MAX_LATENCY_MS = (2 ** 32 - 1) / 1000;
const MAX_TERM = 2 ** 32 - 1;
const FIRST_ROWS = 1024;
const MAX_ROWS = 16_384;
const SUCCESS = 1;
const RETRIED = 2;
const HEDGED = 4;
const FAILED = 8;

/** Starts are stored as microseconds relative to the chunk's first start, offset by half of this: ±35 minutes. */
const SPAN_US = 2 ** 32;
/** Marks a start outside that range. */
const FAR = SPAN_US - 1;

/**
 * All requests are kept, because the effects of a fault are known only once all are read; ten million objects would not
 * fit into memory. Times are exact to the microsecond, the precision of records.
 */
export class RequestColumns {
  count = 0;
  private last = newChunk(FIRST_ROWS);
  private readonly chunks = [this.last];

  add(row: Omit<Row, 'endMs'>): void {
    const chunk = this.last.count < this.last.start.length ? this.last : this.grow();
    const at = chunk.count++;
    this.count += 1;
    const startUs = Math.round(row.startMs * 1000);
    const latencyUs = Math.round(row.latencyMs * 1000);
    if (at === 0) chunk.baseUs = startUs - SPAN_US / 2;
    const sinceUs = startUs - chunk.baseUs;
    chunk.start[at] = sinceUs >= 0 && sinceUs < FAR ? sinceUs : FAR;
    if (chunk.start[at] === FAR) chunk.farUs.set(at, startUs);
    chunk.latency[at] = latencyUs;
    chunk.service[at] = Math.round(row.serviceMs * 1000);
    chunk.image[at] = row.image;
    chunk.server[at] = row.server;
    chunk.term[at] = Math.min(row.term, MAX_TERM);
    chunk.reason[at] = row.reason;
    chunk.flags[at] =
      (row.success ? SUCCESS : 0) |
      (row.isFailed ? FAILED : 0) |
      (row.retried ? RETRIED : 0) |
      (row.hedged ? HEDGED : 0);
    chunk.firstStartMs = Math.min(chunk.firstStartMs, startUs / 1000);
    chunk.lastEndMs = Math.max(chunk.lastEndMs, startUs / 1000 + latencyUs / 1000);
  }

  private grow(): Chunk {
    this.last = newChunk(Math.min(MAX_ROWS, FIRST_ROWS * 2 ** this.chunks.length));
    this.chunks.push(this.last);
    return this.last;
  }

  /**
   * Visits every request in flight during `within` (default: all), in insertion order. `row` is one reused object,
   * valid until the next call.
   */
  forEach(visit: (row: Row) => void, within: Interval = ALWAYS): void {
    const { from, to } = within;
    const row = { ...NO_ROW };
    for (const chunk of this.chunks) {
      // Records are written as requests end, so most chunks are far from a short interval.
      if (!(chunk.firstStartMs <= to && chunk.lastEndMs >= from)) continue;
      for (let at = 0; at < chunk.count; at++) {
        const sinceUs = chunk.start[at]!;
        const startMs = (sinceUs === FAR ? chunk.farUs.get(at)! : chunk.baseUs + sinceUs) / 1000;
        const latencyMs = chunk.latency[at]! / 1000;
        if (startMs > to || startMs + latencyMs < from) continue;
        const flags = chunk.flags[at]!;
        row.startMs = startMs;
        row.latencyMs = latencyMs;
        row.serviceMs = chunk.service[at]! / 1000;
        row.endMs = startMs + latencyMs;
        row.image = chunk.image[at]!;
        row.server = chunk.server[at]!;
        row.term = chunk.term[at]!;
        row.reason = chunk.reason[at]!;
        row.success = (flags & SUCCESS) !== 0;
        row.isFailed = (flags & FAILED) !== 0;
        row.retried = (flags & RETRIED) !== 0;
        row.hedged = (flags & HEDGED) !== 0;
        visit(row);
      }
    }
  }
}

const ALWAYS: Interval = { from: -Infinity, to: Infinity };
/** The halves make the engine store these as doubles, so that writing them allocates no objects. */
const NO_ROW: Row = {
  startMs: 0.5,
  endMs: 0.5,
  latencyMs: 0.5,
  serviceMs: 0.5,
  image: 0,
  server: 0,
  term: 0,
  reason: 0,
  success: false,
  isFailed: false,
  retried: false,
  hedged: false,
};

type Chunk = ReturnType<typeof newChunk>;

function newChunk(rows: number) {
  return {
    count: 0,
    baseUs: 0,
    /** Starts outside the range, by row. */
    farUs: new Map<number, number>(),
    firstStartMs: Infinity,
    lastEndMs: -Infinity,
    start: new Uint32Array(rows),
    latency: new Uint32Array(rows),
    service: new Uint32Array(rows),
    image: new Uint8Array(rows),
    server: new Uint16Array(rows),
    term: new Uint32Array(rows),
    reason: new Uint8Array(rows),
    flags: new Uint8Array(rows),
  };
}
