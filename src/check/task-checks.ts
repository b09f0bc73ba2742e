/** The rules about assignments (S4) and results (S6). */
import { serverText, wrongCarriersOf } from '../core/metrics/wrong-carriers';
import { unwrittenAround } from '../core/metrics/unwritten';
import { ruleResult, type RuleResult } from '../core/rule-result';
import { doneFaults, faultTimes, heardBy, isAbsent, leadershipSpans, taskOf, type History } from './history';
import { isClean } from './links';
import { isLeftOut, silentIds } from './left-out';

type Request = History['requests'][number];

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
    for (const id of wrongCarriersOf(record)) {
      problems.push(`${task}: wrong bytes came back from ${serverText(id)}`);
    }
    if (record.outcome !== 'success' && record.outcome !== 'failure') continue;
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
