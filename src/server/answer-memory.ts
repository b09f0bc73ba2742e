import { ClusterError } from '../core/errors';
import { ReadRate } from './read-rate';

/** What is left of the memory for hosts that hold less than such a part, and what one may hold against others. */
const SHARE = 1 / 4;
/** A host that asked for memory so recently wants its share. */
const WANTS_MS = 60_000;
/**
 * Where there is no room, whoever is waited for and takes nothing for so long gives way to anybody. Far more than a
 * client on a busy machine is held up, and less than a request's timeout.
 */
const STALLED_MS = 3000;
/** The order of readers, by their speed, is made anew no more often than this: refusals must stay cheap. */
const RANKED_FOR_MS = 1000;

/** A connection, as far as it takes answers. */
export interface AnswerTaker {
  /** host:port */
  readonly remoteAddress: string;
  readonly bytesWritten: number;
  readonly unsentBytes: number;
}

/** A connection that holds memory with its answers. */
export interface Reader<T extends AnswerTaker = AnswerTaker> {
  readonly taker: T;
  /** Whose share it counts in. */
  readonly host: string;
  readonly rate: ReadRate;
  bytes: number;
  /** It holds nothing any more, whatever is still released for it. */
  isCutOff: boolean;
}

/**
 * The memory that answers hold until they are taken (docs/decisions/0026). Says who must be cut off; the caller does it.
 * Pure: time is an argument.
 */
export class AnswerMemory<T extends AnswerTaker> {
  private readonly known = new WeakMap<T, Reader<T>>();
  /** Those that hold something. */
  private readonly readers = new Set<Reader<T>>();
  private readonly hostBytes = new Map<string, number>();
  private heldBytes = 0;
  /** The host that asked for memory last, and another one that did before. */
  private asked = { host: '', ms: -Infinity, otherMs: -Infinity };
  /** Readers that were waited for when they were last put in order, the slowest first. */
  private ranked: Reader<T>[] = [];
  private rankedMs = -Infinity;

  constructor(private readonly maxBytes: number) {}

  /** The one place of a connection's answers, for as long as the connection lives. */
  reader(taker: T): Reader<T> {
    const known = this.known.get(taker);
    if (known) return known;
    const host = shareOwner(taker.remoteAddress);
    const reader = { taker, host, rate: new ReadRate(), bytes: 0, isCutOff: false };
    this.known.set(taker, reader);
    return reader;
  }

  /**
   * A reader's answers are to hold so many bytes more. Returns who must be cut off for it: they hold nothing from here on.
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

  /** A reader has to be waited for; `ends` says when no more. */
  begins(reader: Reader<T>, nowMs: number): void {
    reader.rate.begin(nowMs, takenBytes(reader));
  }

  ends(reader: Reader<T>, nowMs: number): void {
    reader.rate.end(nowMs, takenBytes(reader));
  }

  /** To be called about every second. Returns who must be cut off as too slow: they hold nothing from here on. */
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

  /** Who has to go so that so many bytes more fit; nobody is cut off in vain. */
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

  /** Whether another host than the one that has just asked did so lately. */
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
    const kept = roomBytes < this.maxBytes ? `, of which ${this.maxBytes - roomBytes} are kept for other hosts` : '';
    const text =
      `answers that wait to be read hold ${this.heldBytes} bytes (${this.of(host)} for ${host}), ` +
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
 * Readers that hold `missingBytes` together: of the host that holds most at that moment the first in the list that may
 * go, again and again. Undefined if they are not enough.
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

/** Whose share an address (host:port) counts in. An IPv6 host may use every address of its /64 network. */
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
