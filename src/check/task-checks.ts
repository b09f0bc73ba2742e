/** The rules about tasks: assignments (S4), deadlines (S5), results (S6), and empty ledgers (S7). */
import { isFixedReason, isNeverSent, VERIFICATION_FAILED } from '../core/metrics/failure-reasons';
import type { FaultEvent } from '../core/metrics/record';
import { unwrittenAround } from '../core/metrics/unwritten';
import { ruleResult, type RuleResult } from '../core/rule-result';
import { absences, doneFaults, faultTimes, heardBy, isAbsent, leadershipSpans, type History } from './history';
import { isClean } from './links';
import { isLeftOut, silentIds } from './left-out';

const GRACE_MS = 1000;
const LEDGER_EMPTY_MS = 1000;
/** The time that the kernel's retransmission may still take to deliver queued data after a silent cut is healed. */
const RETRANSMIT_MS = 2000;
type Request = History['requests'][number];

/** Reasons with a number, or with text from a server. */
const VARYING_REASONS = /^(Request timeout after [\d.]+s|Server error: .*)$/s;

/** S4: a deposed leader assigns nothing once it has heard of a greater leadership. */
export function checkAssignments(history: History): RuleResult {
  const leading = leadershipSpans(history).filter((span) => span.leaderId === span.serverId);
  const problems: string[] = [];
  for (const event of history.servers) {
    if (event.event !== 'assigned') continue;
    const { server_id: serverId, time, term } = event;
    const leads = leading.some(
      (span) => span.serverId === serverId && span.term === term && span.fromMs <= time && time <= span.toMs,
    );
    if (!leads)
      problems.push(`server ${serverId} assigned a task in term ${term} at ${time.toFixed(1)} without leading it`);
  }
  return ruleResult('S4', [...problems, ...assignedUnasked(history)]);
}

/**
 * Finds assignments without asking first: a leader that was paused asks its peers who leads before it assigns again.
 * If all of them have long followed another one, and one of them can answer over a link without faults, an assignment in
 * its old term means that it did not ask.
 */
function assignedUnasked(history: History): string[] {
  const spans = leadershipSpans(history);
  const problems: string[] = [];
  for (const resumed of history.servers) {
    if (resumed.event !== 'resumed') continue;
    const { server_id: serverId, time, late_ms } = resumed;
    // The peers that it could ask: those that it heard, and that have not restarted since.
    const asked = heardBy(history, serverId, time).filter(
      (id) => !startedBetween(history, id, time - late_ms * 2, time),
    );
    const answers = asked.some((id) => isClean(history, serverId, id, time) && !isAbsent(history, id, time));
    if (!answers) continue;
    const terms = asked.map(
      (id) => spans.find((each) => each.serverId === id && each.fromMs < time && time < each.toMs)?.term,
    );
    const nextFaultMs = Math.min(...faultTimes(history).filter((each) => each > time));
    const untilMs = Math.min(time + history.timings.heartbeatMs / 2, nextFaultMs);
    for (const event of history.servers) {
      if (event.event !== 'assigned' || event.server_id !== serverId) continue;
      if (event.time < time || event.time >= untilMs) continue;
      if (!terms.every((term) => term !== undefined && term > event.term)) continue;
      problems.push(
        `server ${serverId} assigned in term ${event.term} at ${event.time.toFixed(1)}, just resumed, without asking`,
      );
    }
  }
  return problems;
}

function startedBetween(history: History, serverId: number, fromMs: number, toMs: number): boolean {
  return history.servers.some(
    (event) => event.event === 'started' && event.server_id === serverId && event.time > fromMs && event.time <= toMs,
  );
}

/**
 * S5: every task ends before its deadline plus a grace period of 1 s, as a success or with one of the known reasons.
 */
export function checkDeadlines(history: History): RuleResult {
  const problems: string[] = [];
  for (const record of history.requests) {
    const name = `${record.client_name}/${record.request_id}`;
    if (record.outcome !== 'success' && record.outcome !== 'failure') continue;
    if (record.service_ms > history.requestTimeoutMs + GRACE_MS) problems.push(`${name} took ${record.service_ms} ms`);
    const reason = record.failure_reason ?? '';
    if (!record.success && !isFixedReason(reason) && !isNeverSent(reason) && !VARYING_REASONS.test(reason)) {
      problems.push(`${name} failed for an unknown reason: ${record.failure_reason}`);
    }
  }
  return ruleResult('S5', problems);
}

/**
 * S6: no success without the exact bytes back, no failure after a success. The client compares every byte and reports
 * it as the outcome; from outside, it can be checked that each success was answered by some execution, and that no task
 * has two outcomes.
 */
export function checkResults(history: History): RuleResult {
  const answered = new Set<string>();
  for (const event of history.servers) {
    if (event.event === 'executed' && event.outcome === 'answered') answered.add(taskOf(event));
  }
  const outcomes = new Map<string, boolean>();
  const problems: string[] = [];
  const unproven: Request[] = [];
  for (const record of history.requests) {
    const task = taskOf(record);
    if (record.failure_reason === VERIFICATION_FAILED) problems.push(`${task}: wrong bytes came back`);
    if (outcomes.has(task)) problems.push(`${task} has two outcomes`);
    outcomes.set(task, record.success);
    if (record.success && !answered.has(task)) unproven.push(record);
  }
  const texts = unproven.map((record) => `${taskOf(record)} succeeded, but no server reported answering it`);
  const isExcused = unexcused(history, unproven).length <= mostMissing(history);
  if (problems.length === 0 && unproven.length > 0 && isExcused) {
    return { rule: 'S6', verdict: 'unknown', problems: texts.slice(0, 3) };
  }
  return ruleResult('S6', [...problems, ...texts]);
}

/** Returns the answers that no kill may have kept their server from recording. */
function unexcused(history: History, unproven: readonly Request[]): Request[] {
  const kills = doneFaults(history).filter(({ action }) => action === 'kill');
  const spans = kills.map(({ server_id: serverId, time }) => {
    const own = history.servers.filter((event) => event.server_id === serverId && event.time <= time);
    return { serverId, ...unwrittenAround(time, own.at(-1)?.time ?? Infinity) };
  });
  return unproven.filter(({ assigned_server_id: id, start_time, latency_ms }) => {
    const endMs = start_time + latency_ms;
    return !spans.some(({ serverId, fromMs, toMs }) => serverId === id && fromMs <= endMs && endMs <= toMs);
  });
}

/** Returns how many answers may be missing from the events for other reasons. */
function mostMissing(history: History): number {
  if (silentIds(history).length > 0) return Infinity;
  const dropped = history.servers.filter((event) => isLeftOut(event, ['executed']));
  const counts = dropped.map((event) => (event.event === 'left_out' ? (event.counts.executed ?? 0) : 0));
  const damaged = (history.damaged ?? []).filter(({ kind }) => kind === 'events').map(({ lines }) => lines);
  return [...counts, ...damaged].reduce((sum, count) => sum + count, 0);
}

/** S7: one second after the last task and the last fault ended, every ledger is empty. */
export function checkLedgers(history: History): RuleResult {
  const lastTaskMs = latest(history.startMs, history.requests, (each) => each.start_time + each.latency_ms);
  const lastFaultMs = latest(history.startMs, history.faults, endOfFaultMs);
  // A request held by a cut link is assigned when the link is back, long after its client has given up.
  const lastAssignedMs = latest(history.startMs, history.servers, (each) =>
    each.event === 'assigned' || isLeftOut(each, ['assigned']) ? each.time : 0,
  );
  const afterMs = Math.max(lastTaskMs, lastFaultMs, lastAssignedMs) + LEDGER_EMPTY_MS + 4 * history.oneWayMs;
  const problems: string[] = [];
  let samples = 0;
  for (const event of history.servers) {
    if (event.event !== 'sample' || event.time <= afterMs) continue;
    if (absences(history, event.server_id).some(({ fromMs, toMs }) => fromMs <= event.time && event.time < toMs))
      continue;
    samples += 1;
    if (event.ledger + event.active + event.queued === 0) continue;
    problems.push(
      `server ${event.server_id} still counts ${event.ledger} tasks (${event.active} active, ${event.queued} queued) ` +
        `at ${event.time.toFixed(1)}, the last one ended at ${lastTaskMs.toFixed(1)}`,
    );
  }
  if (samples === 0) return { rule: 'S7', verdict: 'unknown', problems: ['no server sample after the last task'] };
  return ruleResult('S7', problems);
}

function taskOf(task: { run_id?: string; client_name: string; request_id: number }): string {
  return `${task.run_id ?? ''}/${task.client_name}/${task.request_id}`;
}

function endOfFaultMs({ action, time }: FaultEvent): number {
  return action === 'heal' ? time + RETRANSMIT_MS : time;
}

/** Returns the latest of many times; a spread into Math.max overflows the stack at about 100,000. */
function latest<T>(startMs: number, items: readonly T[], timeOf: (item: T) => number): number {
  return items.reduce((latestMs, item) => Math.max(latestMs, timeOf(item)), startMs);
}
