/**
 * Watches many connections with one timer: frames that take too long, readers that stopped reading, and the total
 * memory of unfinished frames. Also knows which accepted connection has been idle longest.
 */
import { ClusterError } from '../errors';
import { PAUSED_MS } from '../system/pause-watch';
import type { Connection } from './connection';
import type { Guard } from './guard';

export interface FrameWatchOptions {
  frameTimeoutMs: number;
  /** Limit for all unfinished frames together, including what the server holds of their bodies. */
  maxPendingBytes: number;
  /** A connection is closed if its other side takes none of our output for this long. */
  writeStallMs: number;
  /** A connection was closed because of an unexpected error. Default: the error is thrown. */
  onUnexpected?(error: unknown): void;
  monotonicMs?(): number;
}

const DEFAULT_FRAME_TIMEOUT_MS = 30_000;
/** Longer than a frame may take: the kernel takes the buffered bytes at once, all or nothing. */
const DEFAULT_WRITE_STALL_MS = 60_000;
/**
 * For connections whose other side has ended its stream: Node reports a reset under TLS as such an end, and output
 * after it is neither taken nor refused.
 */
const HALF_OPEN_STALL_MS = 10_000;
export const DEFAULT_MAX_PENDING_BYTES = 128 * 1024 * 1024;

const MIN_SWEEP_MS = 5;
const MAX_SWEEP_MS = 1_000;

export class FrameWatch implements Guard {
  private readonly options: FrameWatchOptions;
  private readonly monotonicMs: () => number;
  /** In the order in which bytes last arrived. */
  private readonly connections = new Set<Connection>();
  /** Memory by connection, for those that hold any; in the order of progress. */
  private readonly heldBytes = new Map<Connection, number>();
  private unfinishedBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  /** The time of the next sweep. */
  private dueMs = 0;

  constructor(options: Partial<FrameWatchOptions> = {}) {
    this.options = {
      frameTimeoutMs: DEFAULT_FRAME_TIMEOUT_MS,
      maxPendingBytes: DEFAULT_MAX_PENDING_BYTES,
      writeStallMs: DEFAULT_WRITE_STALL_MS,
      ...options,
    };
    this.monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  /** Memory held by unfinished frames. */
  get pendingBytes(): number {
    return this.unfinishedBytes;
  }

  /** See `FrameWatchOptions.onUnexpected`. */
  unexpected(error: unknown): void {
    if (this.options.onUnexpected === undefined) throw error;
    this.options.onUnexpected(error);
  }

  add(connection: Connection): void {
    this.connections.add(connection);
    this.timer ??= this.startTimer();
  }

  remove(connection: Connection): void {
    this.connections.delete(connection);
    this.setHeld(connection, 0);
    if (this.connections.size > 0 || this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Bytes arrived: the connection is now the least idle one. */
  progressed(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    this.connections.add(connection);
    const bytes = connection.unfinishedBytes;
    if (bytes === 0 && !this.heldBytes.has(connection)) return;
    this.setHeld(connection, 0);
    this.setHeld(connection, bytes);
    this.enforceBound();
  }

  /** The memory of a connection changed without bytes arriving. */
  measure(connection: Connection): void {
    if (!this.connections.has(connection)) return;
    this.setHeld(connection, connection.unfinishedBytes);
    this.enforceBound();
  }

  /**
   * Returns the accepted connection to close: the one longest without bytes that is not a subscriber and has no open
   * task and no unsent bytes; if there is none, the one silent longest that is not a subscriber.
   */
  idlest(except: Connection): Connection | undefined {
    let fallback: Connection | undefined;
    for (const connection of this.connections) {
      if (connection === except || !connection.isAccepted) continue;
      if (connection.closed) return connection;
      if (connection.isSubscriber) continue;
      if (connection.openTaskCount === 0 && connection.bufferedBytes === 0) return connection;
      fallback ??= connection;
    }
    return fallback;
  }

  private setHeld(connection: Connection, bytes: number): void {
    this.unfinishedBytes += bytes - (this.heldBytes.get(connection) ?? 0);
    if (bytes === 0) this.heldBytes.delete(connection);
    else this.heldBytes.set(connection, bytes);
  }

  /** Closes the frames longest without progress until the rest fits: never pauses all, and closes at least one. */
  private enforceBound(): void {
    const { maxPendingBytes } = this.options;
    for (const connection of this.heldBytes.keys()) {
      if (this.unfinishedBytes <= maxPendingBytes) return;
      if (!connection.isUnfinished) continue;
      const text = `unfinished frames hold more than ${maxPendingBytes} bytes, and this one was without progress longest`;
      connection.fail(new ClusterError('overloaded', text, { retryable: true }), 'protocol');
      this.setHeld(connection, connection.unfinishedBytes);
    }
  }

  private startTimer(): NodeJS.Timeout {
    const { frameTimeoutMs, writeStallMs } = this.options;
    const sweepMs = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, Math.min(frameTimeoutMs, writeStallMs) / 4));
    const timer = setInterval(() => {
      const nowMs = this.monotonicMs();
      const wasPaused = nowMs - this.dueMs > PAUSED_MS;
      this.dueMs = nowMs + sweepMs;
      if (wasPaused) this.forgive(nowMs);
      else this.sweep(nowMs);
    }, sweepMs);
    this.dueMs = this.monotonicMs() + sweepMs;
    timer.unref();
    return timer;
  }

  /** This process stood still: what the other sides sent or took meanwhile is not known yet. */
  private forgive(nowMs: number): void {
    for (const connection of this.connections) {
      if (connection.insideFrame) connection.frameStartedMs = nowMs;
      connection.writeProgress = { takenBytes: connection.writeProgress.takenBytes, sinceMs: nowMs };
    }
  }

  private sweep(nowMs: number): void {
    for (const connection of this.connections) {
      if (connection.unsentBytes > 0) this.checkWriting(connection, nowMs);
      if (connection.insideFrame && !connection.isPaused) this.checkReading(connection, nowMs);
    }
  }

  private checkReading(connection: Connection, nowMs: number): void {
    const { frameTimeoutMs } = this.options;
    if (nowMs - connection.frameStartedMs < frameTimeoutMs) return;
    const text = `the frame was not complete after ${frameTimeoutMs / 1000} s`;
    connection.fail(new ClusterError('frame_timeout', text), 'timeout');
  }

  private checkWriting(connection: Connection, nowMs: number): void {
    const { writeStallMs } = this.options;
    const stallMs = connection.isHalfOpen ? Math.min(writeStallMs, HALF_OPEN_STALL_MS) : writeStallMs;
    const progress = connection.writeProgress;
    const takenBytes = connection.bytesWritten - connection.unsentBytes;
    if (takenBytes !== progress.takenBytes || progress.sinceMs === 0) {
      connection.writeProgress = { takenBytes, sinceMs: nowMs };
    } else if (nowMs - progress.sinceMs >= stallMs) {
      connection.abandon('timeout');
    }
  }
}
