/**
 * Accounts for the memory that responses hold until they are read (docs/decisions/0026). Selects readers to cut off;
 * the caller does it. Pure: time is an argument.
 */
import { ClusterError } from '../core/errors';
import { ReadRate } from './read-rate';

/** The share of the memory that a host may claim against others. Hosts above it leave as much free for them. */
const SHARE = 1 / 4;
/** A host that asked for memory this recently wants its share. */
const WANTS_MS = 60_000;
/**
 * If memory runs out, a reader that is waited for and has taken nothing for this long is cut off in favour of any
 * other. Far longer than a client on a busy machine stalls, and shorter than a request's timeout.
 */
const STALLED_MS = 3000;
/** Readers are ranked by speed at most this often: refusals must stay cheap. */
const RANKED_FOR_MS = 1000;

/** A connection, as far as it reads responses. */
export interface ResponseTaker {
  /** host:port */
  readonly remoteAddress: string;
  readonly bytesWritten: number;
  readonly unsentBytes: number;
}

/** A connection whose responses hold memory. */
export interface Reader<T extends ResponseTaker = ResponseTaker> {
  readonly taker: T;
  /** The host whose share it counts in. */
  readonly host: string;
  readonly rate: ReadRate;
  bytes: number;
  /** Its memory counts as freed, and later releases for it are ignored. */
  isCutOff: boolean;
}

export class ResponseMemory<T extends ResponseTaker> {
  private readonly known = new WeakMap<T, Reader<T>>();
  /** Readers that hold memory. */
  private readonly readers = new Set<Reader<T>>();
  private readonly hostBytes = new Map<string, number>();
  private heldBytes = 0;
  /** The host that asked for memory last, and when another host last did. */
  private asked = { host: '', ms: -Infinity, otherMs: -Infinity };
  /** Readers that were waited for at the last ranking, slowest first. */
  private ranked: Reader<T>[] = [];
  private rankedMs = -Infinity;

  constructor(private readonly maxBytes: number) {}

  /** Returns the one reader of a connection, for as long as the connection lives. */
  reader(taker: T): Reader<T> {
    const known = this.known.get(taker);
    if (known) return known;
    const host = shareOwner(taker.remoteAddress);
    const reader = { taker, host, rate: new ReadRate(), bytes: 0, isCutOff: false };
    this.known.set(taker, reader);
    return reader;
  }

  /**
   * Reserves more memory for a reader's responses. Returns the readers that must be cut off for it: their memory counts
   * as freed.
   * @throws ClusterError('overloaded') if even that does not make room
   */
  take(reader: Reader<T>, bytes: number, nowMs: number): Reader<T>[] {
    if (reader.isCutOff) return [];
    const victims = this.makeRoom(reader, bytes, nowMs);
    for (const victim of victims) this.cutOff(victim);
    this.change(reader, bytes);
    return victims;
  }

  /** The opposite of `take`. */
  release(reader: Reader<T>, bytes: number): void {
    if (!reader.isCutOff) this.change(reader, -bytes);
  }

  /** The server begins to wait for the reader; `ends` marks the end of the wait. */
  begins(reader: Reader<T>, nowMs: number): void {
    reader.rate.begin(nowMs, takenBytes(reader));
  }

  ends(reader: Reader<T>, nowMs: number): void {
    reader.rate.end(nowMs, takenBytes(reader));
  }

  /** Called about once a second. Returns the readers to cut off as too slow: their memory counts as freed. */
  tooSlow(nowMs: number): Reader<T>[] {
    const slow = [...this.readers].filter((reader) => reader.rate.look(nowMs, takenBytes(reader)));
    for (const reader of slow) this.cutOff(reader);
    return slow;
  }

  private change(reader: Reader<T>, bytes: number): void {
    const { host } = reader;
    this.heldBytes += bytes;
    reader.bytes += bytes;
    const hostBytes = this.of(host) + bytes;
    if (hostBytes === 0) this.hostBytes.delete(host);
    else this.hostBytes.set(host, hostBytes);
    if (reader.bytes === 0) this.readers.delete(reader);
    else this.readers.add(reader);
  }

  private cutOff(reader: Reader<T>): void {
    this.change(reader, -reader.bytes);
    reader.isCutOff = true;
  }

  private of(host: string): number {
    return this.hostBytes.get(host) ?? 0;
  }

  /** Returns the readers to cut off to make room; none are cut off in vain. */
  private makeRoom(newcomer: Reader<T>, bytes: number, nowMs: number): Reader<T>[] {
    const { host } = newcomer;
    this.noteAsking(host, nowMs);
    const share = this.maxBytes * SHARE;
    const isOverShare = this.of(host) > share && this.othersWant(host, nowMs);
    const roomBytes = isOverShare ? this.maxBytes - share : this.maxBytes;
    const missingBytes = this.heldBytes + bytes - roomBytes;
    if (missingBytes <= 0) return [];
    this.rank(nowMs);
    const mayClaim = this.of(host) + bytes <= share;
    const mayGo = (reader: Reader<T>, hostBytes: number): boolean =>
      isStalled(reader) || (mayClaim && reader.host !== host && hostBytes > share);
    const others = this.ranked.filter((reader) => reader !== newcomer && reader.rate.isWaitedFor && reader.bytes > 0);
    const victims = slowestOfLargest(others, this.hostBytes, missingBytes, mayGo);
    if (victims === undefined) throw this.overloaded(newcomer, bytes, roomBytes);
    return victims;
  }

  private noteAsking(host: string, nowMs: number): void {
    const { asked } = this;
    if (host !== asked.host) asked.otherMs = asked.ms;
    asked.host = host;
    asked.ms = nowMs;
  }

  /** Returns true if a host other than the one that has just asked did so recently. */
  private othersWant(host: string, nowMs: number): boolean {
    return host === this.asked.host && nowMs - this.asked.otherMs < WANTS_MS;
  }

  private rank(nowMs: number): void {
    if (nowMs - this.rankedMs < RANKED_FOR_MS) return;
    this.rankedMs = nowMs;
    const waitedFor = [...this.readers].filter(({ rate }) => rate.isWaitedFor);
    this.ranked = waitedFor.sort(
      ({ rate: one }, { rate: other }) =>
        one.bytesPerSecond - other.bytesPerSecond || other.stalledForMs - one.stalledForMs,
    );
  }

  private overloaded({ host }: Reader<T>, bytes: number, roomBytes: number): ClusterError {
    const kept =
      roomBytes < this.maxBytes ? `, of which ${this.maxBytes - roomBytes} are reserved for other hosts` : '';
    const text =
      `responses waiting to be read hold ${this.heldBytes} bytes (${this.of(host)} for ${host}), ` +
      `${bytes} more would exceed max_response_bytes ${this.maxBytes}${kept}`;
    return new ClusterError('overloaded', text, { retryable: true });
  }
}

function takenBytes({ taker }: Reader): number {
  return taker.bytesWritten - taker.unsentBytes;
}

function isStalled({ rate }: Reader): boolean {
  return rate.stalledForMs >= STALLED_MS;
}

/**
 * Selects readers that hold `missingBytes` together: repeatedly the first in the list of the host that holds most.
 * Returns undefined if they are not enough.
 */
function slowestOfLargest<R extends Reader>(
  readers: readonly R[],
  hostBytes: ReadonlyMap<string, number>,
  missingBytes: number,
  mayGo: (reader: R, hostBytes: number) => boolean,
): R[] | undefined {
  const queues = new Map<string, { host: string; bytes: number; readers: R[]; next: number }>();
  for (const reader of readers) {
    const { host } = reader;
    const queue = queues.get(host);
    if (queue) queue.readers.push(reader);
    else queues.set(host, { host, bytes: hostBytes.get(host)!, readers: [reader], next: 0 });
  }
  const victims: R[] = [];
  for (let freedBytes = 0; freedBytes < missingBytes;) {
    let largest: { host: string; bytes: number; readers: R[]; next: number } | undefined;
    for (const queue of queues.values()) if (largest === undefined || queue.bytes > largest.bytes) largest = queue;
    if (largest === undefined) return undefined;
    const reader = largest.readers[largest.next++];
    if (reader === undefined) queues.delete(largest.host);
    else if (mayGo(reader, largest.bytes)) {
      victims.push(reader);
      largest.bytes -= reader.bytes;
      freedBytes += reader.bytes;
    }
  }
  return victims;
}

/** Returns the share that an address (host:port) counts in. An IPv6 host may use any address of its /64 network. */
export function shareOwner(remoteAddress: string): string {
  const host = remoteAddress.slice(0, remoteAddress.lastIndexOf(':'));
  if (!host.startsWith('[')) return host;
  const [before = [], after = []] = host
    .slice(1, -1)
    .split('::')
    .map((text) => (text === '' ? [] : text.split(':')));
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
