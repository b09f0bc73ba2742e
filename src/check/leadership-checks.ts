/** The rules about leaders: one leader (S1), agreement after faults (S2), and stability (S8). */
import { ruleResult, type RuleResult } from '../core/rule-result';
import {
  absences,
  activeFaults,
  faultTimes,
  hearing,
  leadershipSpans,
  overlapMs,
  type History,
  type Interval,
  type LeadershipSpan,
} from './history';

const LINK_FAULTS: readonly string[] = ['partition', 'delay', 'loss'];

/** The bound of agreement after a heal or a resume: links are open again within a redial. */
const AGREEMENT_ON_OPEN_LINKS_MS = 1000;

/** Returns `failure_timeout + election_timeout + 2 heartbeats`: the bound of S2 and S8. */
export function settleMs(history: History): number {
  const { heartbeatMs, failureTimeoutMs, electionTimeoutMs } = history.timings;
  return failureTimeoutMs + electionTimeoutMs + 2 * heartbeatMs;
}

/** S1: two servers that hear each other both lead for at most one message each way. */
export function checkOneLeader(history: History): RuleResult {
  const spans = leadershipSpans(history).filter((span) => span.leaderId === span.serverId);
  const heard = hearing(history);
  const problems: string[] = [];
  for (const a of spans) {
    for (const b of spans) {
      if (a.serverId >= b.serverId || overlapMs(a, b) <= 0) continue;
      problems.push(...bothLead(history, heard, a, b));
    }
  }
  return ruleResult('S1', problems);
}

function bothLead(history: History, heard: Map<string, Interval[]>, a: LeadershipSpan, b: LeadershipSpan): string[] {
  const problems: string[] = [];
  for (const ab of heard.get(`${a.serverId} ${b.serverId}`) ?? []) {
    for (const ba of heard.get(`${b.serverId} ${a.serverId}`) ?? []) {
      const both = intersect(a, b, ab, ba);
      if (both.toMs - both.fromMs <= 2 * history.oneWayMs || isDisturbed(history, both, [a.serverId, b.serverId]))
        continue;
      problems.push(
        `servers ${a.serverId} (term ${a.term}) and ${b.serverId} (term ${b.term}) hear each other and both lead ` +
          `from ${both.fromMs.toFixed(1)} to ${both.toMs.toFixed(1)}`,
      );
    }
  }
  return problems;
}

/** S2: after faults end, all live servers follow one live leader within the bound, and nothing changes after that. */
export function checkAgreement(history: History): RuleResult {
  const spans = leadershipSpans(history);
  const problems: string[] = [];
  for (const { fromMs, toMs } of stableIntervals(history)) {
    // Killed and stopped servers are excluded anyway; only cut or slow links excuse the others.
    if (activeFaults(history, fromMs).some(({ action }) => LINK_FAULTS.includes(action))) continue;
    const boundMs = agreementBoundMs(history, fromMs);
    if (fromMs + boundMs > toMs) continue;
    const problem = disagreement(history, spans, fromMs + boundMs, toMs);
    if (problem) problems.push(`${problem} (faults ended at ${fromMs.toFixed(1)}, bound ${boundMs} ms)`);
  }
  return ruleResult('S2', [...problems, ...unseated(history, spans)]);
}

/** A server that comes back joins the leader of its peers: if nothing else is faulty, no server changes its leader. */
function unseated(history: History, spans: LeadershipSpan[]): string[] {
  const problems: string[] = [];
  for (const { fromMs, toMs } of stableIntervals(history)) {
    const heals = history.faults.filter((fault) => fault.time === fromMs);
    const [heal] = heals;
    const comesBack = heals.length === 1 && ['restart', 'resume'].includes(heal!.action);
    if (!comesBack || activeFaults(history, fromMs).length > 0) continue;
    const others = history.serverIds.filter((id) => id !== heal!.server_id);
    const before = others.map((id) => spans.find((span) => span.serverId === id && spanCovers(span, fromMs)));
    const [first] = before;
    const agreed = before.every((span) => span?.leaderId === first?.leaderId && span?.term === first?.term);
    if (!agreed || (first?.leaderId ?? null) === null || first === undefined || first.leaderId === heal!.server_id)
      continue;
    // In one term the leader with the lower id stays, so the leadership of a paused server may rightly prevail.
    const own = spans.find((span) => span.serverId === heal!.server_id && spanCovers(span, fromMs));
    if (own && own.leaderId !== null && own.term >= first.term) continue;
    const settledMs = Math.max(...before.map((span) => span!.fromMs));
    if (fromMs - settledMs < settleMs(history) || recentlyHealed(history, fromMs)) continue;
    const changed = before.find((span) => span!.toMs < toMs && span!.toMs < history.endMs);
    if (changed)
      problems.push(
        `the ${heal!.action} of ${heal!.server_id} unseated ${first.leaderId} at ${changed.toMs.toFixed(1)}`,
      );
  }
  return problems;
}

/** Returns true if leadership may still be settling after an earlier fault. */
function recentlyHealed(history: History, atMs: number): boolean {
  return history.faults.some(
    (fault) => fault.time < atMs && !['kill', 'pause'].includes(fault.action) && atMs - fault.time < settleMs(history),
  );
}

function spanCovers(span: LeadershipSpan, atMs: number): boolean {
  return span.fromMs <= atMs && atMs < span.toMs;
}

/** S8: while a fault persists unchanged, leadership changes cease within the bound of S2. */
export function checkStability(history: History): RuleResult {
  const problems: string[] = [];
  for (const { fromMs, toMs } of stableIntervals(history)) {
    if (looksLikeSilence(history, fromMs)) continue;
    const afterMs = fromMs + settleMs(history) + history.oneWayMs;
    for (const event of history.servers) {
      const changes = event.event === 'leader' || event.event === 'election' || event.event === 'stepped_down';
      if (!changes || event.time <= afterMs || event.time >= toMs) continue;
      problems.push(
        `server ${event.server_id}: ${event.event} in term ${event.term} at ${event.time.toFixed(1)}, though no fault ` +
          `was injected or healed since ${fromMs.toFixed(1)}`,
      );
    }
  }
  return ruleResult('S8', problems);
}

/**
 * Returns true for loss, or delay beside a cut that forces a detour: both look like random silence, so no detector is
 * stable.
 */
function looksLikeSilence(history: History, atMs: number): boolean {
  const kinds = new Set(activeFaults(history, atMs).map((fault) => fault.action));
  return kinds.has('loss') || (kinds.has('delay') && kinds.has('partition'));
}

function agreementBoundMs(history: History, healedMs: number): number {
  const heals = history.faults.filter((fault) => fault.time === healedMs).map((fault) => fault.action);
  // A paused process finds its links unchanged; after a silent cut, the next dial of either side opens them.
  const onlyResumed = heals.length > 0 && heals.every((action) => action === 'resume');
  const healed = history.faults.some(
    ({ action, time }) => action === 'heal' && time < healedMs && healedMs - time < settleMs(history),
  );
  if (onlyResumed && !healed && activeFaults(history, healedMs).length === 0) {
    return Math.min(AGREEMENT_ON_OPEN_LINKS_MS + history.oneWayMs, settleMs(history));
  }
  return settleMs(history) + history.oneWayMs;
}

function disagreement(history: History, spans: LeadershipSpan[], atMs: number, untilMs: number): string | null {
  const live = history.serverIds.filter((id) => !isAbsent(history, id, atMs));
  const following = live.map((id) => spans.find((span) => span.serverId === id && spanCovers(span, atMs)));
  const leaders = new Set(
    following.map((span) => (span?.leaderId ? `${span.leaderId} in term ${span.term}` : 'no leader')),
  );
  if (leaders.size > 1 || leaders.has('no leader'))
    return `live servers follow ${[...leaders].join(' and ')} at ${atMs.toFixed(1)}`;
  const leaderId = following[0]?.leaderId;
  if (typeof leaderId === 'number' && !live.includes(leaderId))
    return `all follow ${leaderId}, which is down, at ${atMs.toFixed(1)}`;
  const changed = following.find((span) => span !== undefined && span.toMs < untilMs && span.toMs < history.endMs);
  return changed ? `server ${changed.serverId} changed its leader again at ${changed.toMs.toFixed(1)}` : null;
}

/** Returns the intervals between changes of faults. */
function stableIntervals(history: History): Interval[] {
  const times = [...new Set([history.startMs, ...faultTimes(history), history.endMs])].sort((a, b) => a - b);
  return times.slice(0, -1).map((fromMs, index) => ({ fromMs, toMs: times[index + 1]! }));
}

function isAbsent(history: History, serverId: number, atMs: number): boolean {
  return absences(history, serverId).some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
}

/** Returns true if a server was stopped or a link cut: the rule applies to undisturbed time only. */
function isDisturbed(history: History, { fromMs, toMs }: Interval, serverIds: number[]): boolean {
  const slackMs = AGREEMENT_ON_OPEN_LINKS_MS + history.timings.heartbeatMs;
  const disturbed = serverIds.some((id) =>
    absences(history, id).some(
      (absence) => overlapMs({ ...absence, toMs: absence.toMs + history.oneWayMs * 4 }, { fromMs, toMs }) > 0,
    ),
  );
  if (disturbed) return true;
  const cuts = (atMs: number): boolean =>
    activeFaults(history, atMs).some(({ action }) => action === 'partition' || action === 'delay' || action === 'loss');
  const healed = history.faults.some(
    (fault) => fault.action === 'heal' && fault.time <= toMs && fromMs - fault.time < slackMs,
  );
  return healed || cuts(fromMs) || cuts(toMs);
}

function intersect(...intervals: Interval[]): Interval {
  return {
    fromMs: Math.max(...intervals.map(({ fromMs }) => fromMs)),
    toMs: Math.min(...intervals.map(({ toMs }) => toMs)),
  };
}
