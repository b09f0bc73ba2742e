/**
 * Tracks which server has which task. The executor is authoritative: its own reports (add, remove, whole list) are
 * believed, and only assignments of the last second that it has not reported are counted on top. So a lost client, a
 * lost message or a new leader leaves nothing behind for longer than that second.
 */

export interface LedgerLimits {
  /** An assignment that its executor has not reported within this time is forgotten. */
  assignmentTtlMs: number;
  /** Retention time of ended tasks, and their maximum number. */
  endedTtlMs: number;
  maxEnded: number;
}

export const LEDGER_LIMITS: LedgerLimits = { assignmentTtlMs: 1000, endedTtlMs: 30_000, maxEnded: 100_000 };

interface Assignment {
  key: string;
  serverId: number;
  atMs: number;
}

export class Ledger {
  /** Reported tasks by server: task key → number of executions. */
  private readonly lists = new Map<number, Map<string, number>>();
  private readonly listSizes = new Map<number, number>();
  /** This leader's unreported assignments, oldest first (insertion order). */
  private readonly assignments = new Map<string, Assignment>();
  private readonly assignedCounts = new Map<number, number>();
  private readonly ended = new Map<string, { serverId: number; untilMs: number }>();

  constructor(private readonly limits: LedgerLimits = LEDGER_LIMITS) {}

  assign(key: string, serverId: number, nowMs: number): void {
    this.dropAssignment(key, serverId);
    this.assignments.set(assignmentKey(key, serverId), { key, serverId, atMs: nowMs });
    this.assignedCounts.set(serverId, (this.assignedCounts.get(serverId) ?? 0) + 1);
  }

  /** The executor started the task. */
  add(serverId: number, key: string): void {
    this.dropAssignment(key, serverId);
    const list = this.listOf(serverId);
    list.set(key, (list.get(key) ?? 0) + 1);
    this.resize(serverId, 1);
  }

  /** The executor ended the task: answered, refused, cancelled or connection closed. */
  remove(serverId: number, key: string, nowMs: number): void {
    this.dropAssignment(key, serverId);
    const list = this.listOf(serverId);
    const count = list.get(key);
    if (count !== undefined) {
      if (count > 1) list.set(key, count - 1);
      else list.delete(key);
      this.resize(serverId, -1);
    }
    // mutation: ended tasks are forgotten
    this.remember(key, serverId, nowMs);
  }

  /** Replaces the executor's tasks by its whole list, sent first on a new link. */
  sync(serverId: number, keys: readonly string[]): void {
    this.lists.delete(serverId);
    this.listSizes.delete(serverId);
    for (const key of keys) this.add(serverId, key);
  }

  /** The server is down: its tasks are orphaned. Returns their keys and forgets them. */
  orphan(serverId: number): string[] {
    const orphans = new Set(this.lists.get(serverId)?.keys());
    for (const { key, serverId: at } of [...this.assignments.values()]) {
      if (at !== serverId) continue;
      orphans.add(key);
      this.dropAssignment(key, at);
    }
    this.lists.delete(serverId);
    this.listSizes.delete(serverId);
    return [...orphans];
  }

  /** Returns the servers that have or had this task, the latest assignment first. */
  holders(key: string): number[] {
    const assigned: Assignment[] = [];
    for (const serverId of this.assignedCounts.keys()) {
      const assignment = this.assignments.get(assignmentKey(key, serverId));
      if (assignment) assigned.push(assignment);
    }
    const holders = assigned.sort((a, b) => b.atMs - a.atMs).map(({ serverId }) => serverId);
    for (const [serverId, list] of this.lists) if (list.has(key)) holders.push(serverId);
    const ended = this.ended.get(key);
    if (ended) holders.push(ended.serverId);
    return holders;
  }

  /** Forgets what has expired. Returns the assignments that their servers never reported. */
  expire(nowMs: number): Assignment[] {
    const expired: Assignment[] = [];
    for (const assignment of this.assignments.values()) {
      // mutation: an assignment never expires
      if (assignment.atMs + this.limits.assignmentTtlMs > nowMs) break;
      expired.push(assignment);
    }
    for (const { key, serverId } of expired) this.dropAssignment(key, serverId);
    for (const [key, { untilMs }] of this.ended) {
      if (untilMs > nowMs && this.ended.size <= this.limits.maxEnded) break;
      this.ended.delete(key);
    }
    return expired;
  }

  /** Returns when `expire` is due next. Keeping ended tasks for longer does no harm, so they do not count. */
  nextMs(): number {
    for (const { atMs } of this.assignments.values()) return atMs + this.limits.assignmentTtlMs;
    return Infinity;
  }

  outstanding(serverId: number): number {
    return (this.listSizes.get(serverId) ?? 0) + (this.assignedCounts.get(serverId) ?? 0);
  }

  /** Number of tasks that this ledger believes to be in flight. */
  get size(): number {
    let total = this.assignments.size;
    for (const size of this.listSizes.values()) total += size;
    return total;
  }

  /** Returns the keys of one server's tasks, one per execution. */
  keysOf(serverId: number): string[] {
    const keys: string[] = [];
    for (const [key, count] of this.lists.get(serverId) ?? []) for (let i = 0; i < count; i++) keys.push(key);
    return keys;
  }

  private listOf(serverId: number): Map<string, number> {
    let list = this.lists.get(serverId);
    if (!list) this.lists.set(serverId, (list = new Map()));
    return list;
  }

  private resize(serverId: number, by: number): void {
    this.listSizes.set(serverId, (this.listSizes.get(serverId) ?? 0) + by);
  }

  private dropAssignment(key: string, serverId: number): void {
    if (!this.assignments.delete(assignmentKey(key, serverId))) return;
    this.assignedCounts.set(serverId, this.assignedCounts.get(serverId)! - 1);
  }

  private remember(key: string, serverId: number, nowMs: number): void {
    this.ended.delete(key); // re-inserted at the end, so that iteration stays oldest first
    this.ended.set(key, { serverId, untilMs: nowMs + this.limits.endedTtlMs });
    if (this.ended.size > this.limits.maxEnded) this.ended.delete(this.ended.keys().next().value!);
  }
}

function assignmentKey(key: string, serverId: number): string {
  return `${serverId}\n${key}`;
}
