/**
 * Writes the events of a server as lines; those that others can cause at will have a budget of bytes, so that no number
 * of requests fills the disk.
 */
import type { ServerEvent } from '../core/metrics/record';

/** The destination of the lines; a RecordFile. */
interface Lines {
  append(line: string): void;
  close(): void;
}

interface Allowance {
  bytesPerSec: number;
  burstBytes: number;
}

const MIB = 1024 * 1024;
/** For the events of a request: about 5,000 a second with the names that our own clients use. */
const PER_REQUEST: Allowance = { bytesPerSec: MIB, burstBytes: 2 * MIB };
/** Cluster events: a few a second in the worst case. */
const OF_CLUSTER: Allowance = { bytesPerSec: 64 * 1024, burstBytes: 512 * 1024 };

type Kind = ServerEvent['event'];

/** Without a budget: written once per second or once per process, whatever others do. */
const FREE: ReadonlySet<Kind> = new Set(['started', 'ready', 'stopping', 'stopped', 'sample', 'left_out']);
const TELL_MS = 1000;

/**
 * Counts the events that exceed their budget, and reports them by one `left_out` per second: the first at once, so that
 * even a server killed the next moment has reported it. Readers of the events then know that some are missing.
 */
export class EventsFile {
  private readonly buckets = {
    assigned: new Bucket(PER_REQUEST),
    executed: new Bucket(PER_REQUEST),
    others: new Bucket(OF_CLUSTER),
  };
  private readonly leftOut = new Map<Kind, number>();
  private toldMs = -Infinity;
  /** The time and server id of the last event. */
  private last: Pick<ServerEvent, 'time' | 'server_id'> = { time: 0, server_id: 0 };

  /** `onLeftOut` gets the same counts, by kind, at the same time as the file. */
  constructor(
    private readonly lines: Lines,
    private readonly onLeftOut: (counts: Readonly<Record<string, number>>) => void = () => undefined,
  ) {}

  /** Returns false if the event was left out. */
  append(event: ServerEvent): boolean {
    const { event: kind, time, server_id } = event;
    this.last = { time, server_id };
    if (kind === 'sample') this.tell();
    if (FREE.has(kind)) return this.write(JSON.stringify(event));
    const bucket = kind === 'assigned' || kind === 'executed' ? this.buckets[kind] : this.buckets.others;
    if (bucket.hasRoom(time)) {
      const line = JSON.stringify(event);
      bucket.take(Buffer.byteLength(line) + 1);
      return this.write(line);
    }
    this.leaveOut(kind, 1);
    if (time - this.toldMs >= TELL_MS) this.tell();
    return false;
  }

  /** Counts lines that the file did not take (a full disk), to report them once it takes lines again. */
  lost(lines: readonly string[]): void {
    for (const line of lines) {
      const event = JSON.parse(line) as ServerEvent;
      const counts = event.event === 'left_out' ? event.counts : { [event.event]: 1 };
      for (const [kind, count] of Object.entries(counts)) this.leaveOut(kind as Kind, count);
    }
  }

  close(): void {
    this.tell();
    this.lines.close();
  }

  private write(line: string): true {
    this.lines.append(line);
    return true;
  }

  private leaveOut(kind: Kind, count: number): void {
    this.leftOut.set(kind, (this.leftOut.get(kind) ?? 0) + count);
  }

  private tell(): void {
    if (this.leftOut.size === 0) return;
    const counts = Object.fromEntries(this.leftOut);
    this.leftOut.clear();
    this.toldMs = this.last.time;
    this.lines.append(JSON.stringify({ ...this.last, event: 'left_out', counts } satisfies ServerEvent));
    this.onLeftOut(counts);
  }
}

/** A token bucket of bytes. The last line may exceed what is left by a little. */
class Bucket {
  private bytes: number;
  private atMs = -Infinity;

  constructor(private readonly allowance: Allowance) {
    this.bytes = allowance.burstBytes;
  }

  hasRoom(nowMs: number): boolean {
    const { bytesPerSec, burstBytes } = this.allowance;
    const elapsedMs = Math.max(0, nowMs - this.atMs);
    this.bytes = Math.min(burstBytes, this.bytes + (elapsedMs / 1000) * bytesPerSec);
    this.atMs = nowMs;
    return this.bytes > 0;
  }

  take(bytes: number): void {
    this.bytes -= bytes;
  }
}
