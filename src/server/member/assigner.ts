/** The leader's half of balancing: assigns tasks. Every server keeps the ledger; only a leader assigns. Pure. */
import { fade, pickServer } from '../../core/balancing/balancer';
import { Ledger } from '../../core/balancing/ledger';
import type { FailureDetector } from '../../core/election/failure-detector';

/** The assigner's view of its own server; it sees the peers through the detector. */
export interface SelfView {
  id: number;
  workers: number;
  queueLimit: number;
  isReady(): boolean;
  isLeaving(): boolean;
  /** The time from the end of one task to the next while there is work, in milliseconds; 0: not known. */
  taskMs(): number;
}

export class Assigner {
  readonly ledger = new Ledger();
  private readonly suspended = new Set<number>();
  /** Per server: recent assignments, as of `atMs`, and the number of the last one. */
  private readonly given = new Map<number, { recent: number; atMs: number; last: number }>();
  private assignedCount = 0;

  constructor(
    readonly self: SelfView,
    private readonly detector: FailureDetector,
  ) {}

  /**
   * Returns the server for a task, and whether this is a new assignment: a repeated request gets the same server as
   * long as it is up and not excluded. Exclusions that leave no server are ignored.
   */
  assign(key: string, excludedIds: readonly number[], nowMs: number): { serverId: number; isNew: boolean } | null {
    const ids = this.allowedIds(excludedIds);
    const holder = this.ledger.holders(key).find((id) => ids.includes(id));
    if (holder !== undefined) return { serverId: holder, isNew: false };
    const serverId = this.pick(ids, nowMs);
    if (serverId === null) return null;
    this.record(key, serverId, nowMs);
    return { serverId, isNew: true };
  }

  /**
   * Returns how many more tasks can wait no longer than `waitMs` for their turn, and how often one ends, in
   * milliseconds. `assumedTaskMs` stands for the time between ends at servers that have ended none yet. A server always
   * has a place for as many as it has workers, whatever was measured. The peers' limits of their queues are taken to be
   * our own.
   */
  room(excludedIds: readonly number[], waitMs: number, assumedTaskMs: number): { places: number; msPerTask: number } {
    let places = 0;
    let tasksPerMs = 0;
    for (const id of this.allowedIds(excludedIds)) {
      const { workers, taskMs } = this.paceOf(id);
      const paceMs = taskMs > 0 ? taskMs : assumedTaskMs;
      const inTime = Math.floor(waitMs / paceMs);
      const most = Math.min(Math.max(workers, inTime), workers + this.self.queueLimit);
      places += Math.max(0, most - this.ledger.outstanding(id));
      tasksPerMs += 1 / paceMs;
    }
    return { places, msPerTask: 1 / tasksPerMs };
  }

  /** Returns true if some server has or had the task. */
  knows(key: string): boolean {
    return this.ledger.holders(key).length > 0;
  }

  /** A server went down: reassigns its tasks at once, so that clients that ask get the new server. */
  reassign(downId: number, nowMs: number): { key: string; serverId: number }[] {
    const moved: { key: string; serverId: number }[] = [];
    for (const key of this.ledger.orphan(downId)) {
      const serverId = this.pick(
        this.usableIds().filter((id) => id !== downId),
        nowMs,
      );
      if (serverId === null) continue;
      this.record(key, serverId, nowMs);
      moved.push({ key, serverId });
    }
    return moved;
  }

  /**
   * Forgets overdue assignments. A server that was silent all that time gets nothing new until it is heard; otherwise
   * the client simply never sent the task.
   */
  expire(nowMs: number): void {
    for (const { serverId, atMs } of this.ledger.expire(nowMs)) {
      const peer = this.detector.get(serverId);
      // mutation: a silent server gets more
      if (peer && peer.lastHeardMs < atMs) this.suspended.add(serverId);
    }
  }

  heardFrom(serverId: number): void {
    this.suspended.delete(serverId);
  }

  /** Returns this server and every peer that is up and ready; suspended ones only if there is no other. */
  private usableIds(): number[] {
    // mutation: a leaving server gets tasks; a starting server gets tasks
    const peers = this.detector
      .all()
      .filter((peer) => peer.phase === 'ready' && this.detector.isReachable(peer.id))
      .map((peer) => peer.id);
    // mutation: a lone leader assigns nothing; a leader that is not ready takes tasks
    const all = this.self.isReady() ? [this.self.id, ...peers] : peers;
    const speaking = all.filter((id) => !this.suspended.has(id));
    return speaking.length > 0 ? speaking : all;
  }

  /** Exclusions that leave no server are ignored. */
  private allowedIds(excludedIds: readonly number[]): number[] {
    const usable = this.usableIds();
    const allowed = usable.filter((id) => !excludedIds.includes(id));
    return allowed.length > 0 ? allowed : usable;
  }

  private paceOf(id: number): { workers: number; taskMs: number } {
    if (id === this.self.id) return { workers: this.self.workers, taskMs: this.self.taskMs() };
    const { workers, taskMs } = this.detector.get(id)!;
    return { workers, taskMs };
  }

  private pick(ids: readonly number[], nowMs: number): number | null {
    return pickServer(
      ids.map((id) => ({
        id,
        workers: this.paceOf(id).workers,
        outstanding: this.ledger.outstanding(id),
        recent: this.recent(id, nowMs),
        lastAssigned: this.given.get(id)?.last ?? 0,
      })),
    );
  }

  private record(key: string, serverId: number, nowMs: number): void {
    this.ledger.assign(key, serverId, nowMs);
    const recent = this.recent(serverId, nowMs) + 1;
    this.given.set(serverId, { recent, atMs: nowMs, last: ++this.assignedCount });
  }

  private recent(serverId: number, nowMs: number): number {
    const given = this.given.get(serverId);
    return given ? fade(given.recent, nowMs - given.atMs) : 0;
  }
}
