import type { BodyWriter, Connection } from '../core/transport/network';
import { AnswerMemory, type Reader } from './answer-memory';
import { MIN_BYTES_PER_SECOND } from './read-rate';

/** A reader that is slower than this no longer holds a worker's place: what is left goes on beside the next tasks. */
const SLOW_READER_MS = 250;
/** After its client has given it up, on a slow way back; then whoever takes a byte now and then is cut off. */
const TAKE_GRACE_MS = 1000;
/**
 * More than this nobody gets to take an answer, whatever time a client names: the largest carrier of the default limits
 * (59 MB) takes 15 minutes at 64 KiB/s. It is also for clients that name no time, as the original's.
 */
const MAX_TAKE_MS = 1_800_000;
const LOOK_MS = 1000;

export interface AnswerWatchOptions {
  maxBytes: number;
  /** Monotonic. */
  nowMs(): number;
  /** A reader on this host loses its connection. */
  onCutOff?(host: string, why: string): void;
}

/** An answer from when it is begun until it has been taken: what it holds, and how it is read. */
export interface WatchedAnswer {
  /** From here on it holds so much. @throws ClusterError('overloaded') if that is more than there is room for */
  hold(bytes: number): void;
  /**
   * Resolves when what was written last has been taken; calls `park` when that takes long. A reader that is not done in
   * time loses its connection, since a body cannot be taken back.
   */
  taken(writer: BodyWriter, park: () => void): Promise<void>;
  /** It has been taken, or never will be. */
  close(): void;
}

/** Bounds what answers may hold until they are read, and for how long. What it decides is in AnswerMemory. */
export class AnswerWatch {
  private readonly memory: AnswerMemory<Connection>;
  /** Set while readers have to be waited for. */
  private timer: NodeJS.Timeout | undefined;
  private waitCount = 0;

  constructor(private readonly options: AnswerWatchOptions) {
    this.memory = new AnswerMemory(options.maxBytes);
  }

  /** `deadlineMs`: when the client gives the answer up; Infinity if it did not say. */
  open(conn: Connection, deadlineMs: number): WatchedAnswer {
    const reader = this.memory.reader(conn);
    const endMs = Math.min(deadlineMs, this.options.nowMs() + MAX_TAKE_MS) + TAKE_GRACE_MS;
    let heldBytes = 0;
    let endTimer: NodeJS.Timeout | undefined;
    const hold = (bytes: number): void => {
      if (bytes > heldBytes) this.take(reader, bytes - heldBytes);
      else this.memory.release(reader, heldBytes - bytes);
      heldBytes = bytes;
    };
    return {
      hold,
      taken: (writer, park) => {
        // Whoever takes a few bytes now and then would hold it for ever.
        endTimer ??= setTimeout(() => conn.destroy(), endMs - this.options.nowMs());
        return this.wait(reader, writer, park);
      },
      close: () => {
        clearTimeout(endTimer);
        hold(0);
      },
    };
  }

  private take(reader: Reader<Connection>, bytes: number): void {
    const victims = this.memory.take(reader, bytes, this.options.nowMs());
    this.cutOff(victims, 'others need the memory of max_response_bytes');
  }

  private cutOff(readers: readonly Reader<Connection>[], why: string): void {
    for (const { host, taker } of readers) {
      this.options.onCutOff?.(host, why);
      taker.destroy();
    }
  }

  private async wait(reader: Reader<Connection>, writer: BodyWriter, park: () => void): Promise<void> {
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      this.begins(reader);
      park();
    }, SLOW_READER_MS);
    await writer.drained();
    clearTimeout(timer);
    if (isSlow) this.ends(reader);
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
