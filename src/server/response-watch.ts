/** Bounds the memory that responses hold until they are read, and for how long. ResponseMemory makes the decisions. */
import type { BodyWriter, Connection } from '../core/transport/network';
import { ResponseMemory, type Reader } from './response-memory';
import { MIN_BYTES_PER_SECOND } from './read-rate';

/** A reader that is slower than this may give up its worker: the rest is sent alongside the next tasks. */
const SLOW_READER_MS = 250;
/**
 * A reader that takes less than one write (1 MiB) in this time is slow by itself, and gives up its worker. Twice the
 * time above: of readers that take nothing, none keeps a worker longer than that, however many they are. Others may be
 * slow because there are so many: then another one beside them would only delay all.
 */
const MOVING_MS = 500;
/** Time after the client's deadline, for a slow way back; then a reader that takes a byte now and then is cut off. */
const TAKE_GRACE_MS = 1000;
/**
 * The longest time to read a response, whatever deadline a client states: the largest carrier of the default limits (59
 * MB) takes 15 minutes at 64 KiB/s. It also applies to clients that state none, such as the original's.
 */
const MAX_TAKE_MS = 1_800_000;
const LOOK_MS = 1000;

export interface ResponseWatchOptions {
  maxBytes: number;
  /** The most responses that may go on beside those that occupy a worker, slow readers left out. */
  maxBeside: number;
  /** Returns monotonic time. */
  nowMs(): number;
  /** A reader on this host loses its connection. */
  onCutOff?(host: string, why: string): void;
}

/** The progress of a response. */
interface Pace {
  /** Monotonic: when it was last seen that all had been taken. */
  movedMs: number;
}

/** A response from its start until it has been read: the memory it holds, and how it is read. */
export interface WatchedResponse {
  /** Sets the memory held from here on. @throws ClusterError('overloaded') if there is no room for it */
  hold(bytes: number): void;
  /**
   * Resolves when the last write has been taken; calls `park` when that takes long. A reader that is not done in time
   * loses its connection, since a body cannot be taken back.
   */
  taken(writer: BodyWriter, park: () => void): Promise<void>;
  /** The response has been read, or never will be. */
  close(): void;
}

export class ResponseWatch {
  private readonly memory: ResponseMemory<Connection>;
  /** Set while readers have to be waited for. */
  private timer: NodeJS.Timeout | undefined;
  private waitCount = 0;
  /** Responses that gave up their worker. */
  private readonly beside = new Set<Pace>();

  constructor(private readonly options: ResponseWatchOptions) {
    this.memory = new ResponseMemory(options.maxBytes);
  }

  /** `deadlineMs`: when the client gives up; Infinity if unknown. */
  open(conn: Connection, deadlineMs: number): WatchedResponse {
    const reader = this.memory.reader(conn);
    const endMs = Math.min(deadlineMs, this.options.nowMs() + MAX_TAKE_MS) + TAKE_GRACE_MS;
    let heldBytes = 0;
    const pace = { movedMs: 0 };
    let endTimer: NodeJS.Timeout | undefined;
    const hold = (bytes: number): void => {
      if (bytes > heldBytes) this.take(reader, bytes - heldBytes);
      else this.memory.release(reader, heldBytes - bytes);
      heldBytes = bytes;
    };
    return {
      hold,
      taken: (writer, park) => {
        // A reader that takes a few bytes now and then would hold it forever.
        endTimer ??= setTimeout(() => conn.destroy(), endMs - this.options.nowMs());
        return this.wait(reader, writer, pace, park);
      },
      close: () => {
        clearTimeout(endTimer);
        this.beside.delete(pace);
        hold(0);
      },
    };
  }

  private take(reader: Reader<Connection>, bytes: number): void {
    const victims = this.memory.take(reader, bytes, this.options.nowMs());
    this.cutOff(victims, 'other readers need the memory of max_response_bytes');
  }

  private cutOff(readers: readonly Reader<Connection>[], why: string): void {
    for (const { host, taker } of readers) {
      this.options.onCutOff?.(host, why);
      taker.destroy();
    }
  }

  private async wait(reader: Reader<Connection>, writer: BodyWriter, pace: Pace, park: () => void): Promise<void> {
    pace.movedMs = this.options.nowMs();
    let isSlow = false;
    const timer = setInterval(() => {
      if (!isSlow) this.begins(reader);
      isSlow = true;
      if (!this.mayPark(pace)) return;
      this.beside.add(pace);
      park();
    }, SLOW_READER_MS);
    await writer.drained();
    clearInterval(timer);
    pace.movedMs = this.options.nowMs();
    if (isSlow) this.ends(reader);
  }

  private mayPark(pace: Pace): boolean {
    const nowMs = this.options.nowMs();
    const isMoving = ({ movedMs }: Pace): boolean => nowMs - movedMs < MOVING_MS;
    return !isMoving(pace) || [...this.beside].filter(isMoving).length < this.options.maxBeside;
  }

  private begins(reader: Reader<Connection>): void {
    this.memory.begins(reader, this.options.nowMs());
    this.waitCount += 1;
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  private ends(reader: Reader<Connection>): void {
    this.memory.ends(reader, this.options.nowMs());
    this.waitCount -= 1;
    if (this.waitCount > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    const why = `less than ${MIN_BYTES_PER_SECOND / 1024} KiB/s for a minute`;
    this.cutOff(this.memory.tooSlow(this.options.nowMs()), why);
  }
}
