/** Announces this server to its peers by Heartbeats and task lists, and leadership changes to the events file. Pure. */
import { taskKey, taskName } from '../../core/balancing/task-key';
import type { Election, ElectionOutput } from '../../core/election/election';
import type { FailureDetector } from '../../core/election/failure-detector';
import type { MessageOf } from '../../core/protocol';
import type { Assigner } from './assigner';
import type { MemberConfig, Now } from './effects';
import type { Executor } from './executor';
import type { EffectBuffer } from './effect-buffer';

export class Announcer {
  /** The due time of the next Heartbeat. */
  nextHeartbeatMs = Infinity;
  private lastTold: { term: number; leaderId: number | null } = { term: 0, leaderId: null };

  constructor(
    private readonly config: MemberConfig,
    private readonly election: Election,
    private readonly detector: FailureDetector,
    private readonly executor: Executor,
    private readonly assigner: Assigner,
    private readonly effects: EffectBuffer,
    private readonly loadScore: () => number,
  ) {}

  sendHeartbeat(now: Now): void {
    this.nextHeartbeatMs = now.nowMs + this.config.timings.heartbeatMs;
    this.effects.broadcast([this.heartbeat(now.unixMs)]);
  }

  heartbeat(unixMs: number): MessageOf<'Heartbeat'> {
    const { id, incarnation, workers } = this.config;
    const { term, leaderId } = this.election.leadership;
    const { phase, taskMs } = this.executor;
    return {
      kind: 'Heartbeat',
      from_id: id,
      timestamp: Math.floor(unixMs / 1000),
      load: Math.round(this.loadScore() * 100) / 100,
      term,
      // A leaving server still assigns until there is a new leader, but must no longer be followed.
      leader_id: phase === 'leaving' && leaderId === id ? null : leaderId,
      incarnation,
      workers,
      phase,
      hears: this.detector.heardIds(),
      ...(taskMs > 0 && { task_ms: taskMs }),
    };
  }

  /** Returns this server's whole task list, sent first on every new link (News). */
  list(unixMs: number): MessageOf<'HistoryAdd'>[] {
    const { id } = this.config;
    const where = { assigned_server_id: id, timestamp: unixMs / 1000 };
    return this.assigner.ledger.keysOf(id).map((key) => ({ kind: 'HistoryAdd', ...taskName(key), ...where }));
  }

  performElection(now: Now): void {
    const outputs = this.election.take();
    if (outputs.length === 0) return;
    for (const output of outputs) this.performOutput(output, now);
    this.tellLeadership(outputs);
  }

  private performOutput(output: ElectionOutput, now: Now): void {
    if (output.type === 'tell') this.effects.tell(output.peerId, output.message);
    else if (output.type === 'ask') this.effects.ask(output.peerId, output.message);
    // A candidate's Election says more than a Heartbeat without a leader would.
    else if (this.election.mode !== 'candidate') this.effects.broadcast([this.heartbeat(now.unixMs)]);
  }

  /** Writes leadership changes to the events file and the log, not every message about them. */
  private tellLeadership(outputs: readonly ElectionOutput[]): void {
    const { term, leaderId } = this.election.leadership;
    const was = this.lastTold;
    if (term === was.term && leaderId === was.leaderId) return;
    const reasons = outputs.flatMap((output) => (output.type === 'changed' ? [output.reason] : []));
    const reason = reasons.at(-1) ?? 'heard of a greater term';
    this.lastTold = { term, leaderId };
    if (was.leaderId === this.config.id) {
      this.effects.event({ event: 'stepped_down', term, leader_id: leaderId, reason });
    }
    if (leaderId === null) this.effects.event({ event: 'election', term, reason });
    else this.effects.event({ event: 'leader', term, leader_id: leaderId, reason });
  }
}

/** Returns the task keys of a HistorySyncResponse. */
export function syncKeys(message: MessageOf<'HistorySyncResponse'>): string[] {
  return message.history_entries.map(([client_name, request_id], index) =>
    taskKey({ client_name, request_id, run_id: message.run_ids?.[index] }),
  );
}
