/** Rule S2: servers that can reach one another agree on one live leader soon after faults end, and stay with it. */
import { ruleResult, type RuleResult } from '../core/rule-result';
import {
  activeFaults,
  doneFaults,
  hearing,
  leadershipSpans,
  overlapMs,
  settleMs,
  type CheckedFault,
  type History,
  type Interval,
  type LeadershipSpan,
} from './history';
import { groups, isClean, type Group } from './links';

/** The bound of agreement once links are open again. */
const AGREEMENT_ON_OPEN_LINKS_MS = 1000;
/** The time that the kernel's retransmission may still take to deliver queued data after a silent cut is healed. */
const RETRANSMIT_MS = 2000;

/**
 * Checks S2 for every group of connected servers, whatever faults stand elsewhere: from the bound on, all of them follow
 * one live leader that they can reach, and none changes it until conditions change. In a group that is not steady they
 * may lose it again, but never for longer than the bound.
 */
export function checkAgreement(history: History): RuleResult {
  const spans = leadershipSpans(history);
  const heard = hearing(history);
  const all = groups(history);
  const problems: string[] = [];
  for (const group of all) {
    const boundMs = agreementBoundMs(history, group, heard);
    if (group.fromMs + boundMs > group.toMs) continue;
    const problem = group.isSteady
      ? disagreement(history, spans, group, group.fromMs + boundMs)
      : longDisagreement(spans, group, boundMs);
    if (problem)
      problems.push(`${problem} (conditions unchanged since ${group.fromMs.toFixed(1)}, bound ${boundMs} ms)`);
  }
  return ruleResult('S2', [...problems, ...all.flatMap((group) => unseated(history, spans, group))]);
}

/**
 * Returns 1 s from when the links of the group were open after a heal or a resume, if nothing else changed around it
 * shortly before; else the time to detect a failure and to elect.
 */
function agreementBoundMs(history: History, group: Group, heard: Map<string, Interval[]>): number {
  const { since, fromMs, ids, reach } = group;
  const settledMs = settleMs(history) + history.oneWayMs;
  const isBack = since.length > 0 && since.every(({ action }) => action === 'resume' || action === 'heal');
  // Whoever stood still must first notice what became of the others meanwhile.
  const isKnown = ids.some((id) => !since.some(({ action, server_id }) => action === 'resume' && server_id === id));
  if (!isBack || !isKnown || missedAFault(history, since) || changedBefore(history, group, since)) return settledMs;
  const isHeal = since.some(({ action }) => action === 'heal');
  if (isHeal && (reach.length !== ids.length || !isComplete(history, ids, fromMs))) return settledMs;
  const openMs = isHeal
    ? Math.max(fromMs + RETRANSMIT_MS, lastHeardMs(ids, heard, fromMs, fromMs + settledMs))
    : fromMs;
  return Math.min(openMs - fromMs + AGREEMENT_ON_OPEN_LINKS_MS + history.oneWayMs, settledMs);
}

/** Returns true if something happened to others while a server stood still that goes on now: it may believe in them. */
function missedAFault(history: History, since: readonly CheckedFault[]): boolean {
  const faults = doneFaults(history);
  return since.some(({ action, server_id: id, time }) => {
    if (action !== 'resume') return false;
    const stoodSinceMs = faults.findLast((each) => each.server_id === id && each.time < time)?.time ?? -Infinity;
    return faults.some((each) => each.server_id !== id && stoodSinceMs < each.time && each.time < time);
  });
}

/** Returns true if anything else that may still be settling was injected or healed, or stands since a short time. */
function changedBefore(history: History, { fromMs, ids }: Group, since: readonly CheckedFault[]): boolean {
  const own = since.map(({ server_id }) => server_id);
  const onlyResumed = since.every(({ action }) => action === 'resume');
  const afterMs = fromMs - settleMs(history);
  const isYoung = activeFaults(history, fromMs).some(({ time }) => time > afterMs);
  const others = doneFaults(history).some(
    ({ action, server_id, time }) =>
      time > afterMs && time < fromMs && (onlyResumed ? action === 'heal' : !own.includes(server_id)),
  );
  return isYoung || others || !isComplete(history, ids, fromMs);
}

/** Returns true if no link within the group has a fault. */
function isComplete(history: History, ids: readonly number[], atMs: number): boolean {
  return ids.every((a) => ids.every((b) => a >= b || isClean(history, a, b, atMs)));
}

/** Returns when the last server of the group began to hear another one, between two times; `untilMs` if one never did. */
function lastHeardMs(ids: readonly number[], heard: Map<string, Interval[]>, fromMs: number, untilMs: number): number {
  let lastMs = fromMs;
  for (const a of ids) {
    for (const b of ids) {
      if (a === b) continue;
      const around = (heard.get(`${a} ${b}`) ?? []).filter((each) => each.toMs > fromMs && each.fromMs < untilMs);
      lastMs = Math.max(lastMs, around.at(-1)?.fromMs ?? untilMs);
    }
  }
  return lastMs;
}

function disagreement(history: History, spans: LeadershipSpan[], group: Group, atMs: number): string | null {
  const problem = disagreementAt(spans, group, atMs);
  if (problem) return problem;
  const untilMs = Math.min(group.toMs, history.endMs);
  const changed = group.ids
    .map((id) => spans.find((span) => span.serverId === id && spanCovers(span, atMs))!)
    .find(({ toMs }) => toMs < untilMs);
  return changed ? `server ${changed.serverId} changed its leader again at ${changed.toMs.toFixed(1)}` : null;
}

/** Finds a time without agreement that is longer than the bound. */
function longDisagreement(spans: LeadershipSpan[], group: Group, boundMs: number): string | null {
  const own = spans.filter((span) => group.ids.includes(span.serverId) && overlapMs(span, group) > 0);
  const times = [...new Set([group.fromMs, ...own.flatMap(({ fromMs, toMs }) => [fromMs, toMs])])]
    .filter((each) => each >= group.fromMs && each < group.toMs)
    .sort((a, b) => a - b);
  let sinceMs: number | null = null;
  for (const [index, timeMs] of times.entries()) {
    const problem = disagreementAt(spans, group, timeMs);
    sinceMs = problem === null ? null : (sinceMs ?? timeMs);
    if (sinceMs !== null && (times[index + 1] ?? group.toMs) - sinceMs > boundMs) return problem;
  }
  return null;
}

/** Returns the leadership that all of the group follow at `atMs`, or how they differ. */
function disagreementAt(spans: LeadershipSpan[], { ids, reach }: Group, atMs: number): string | null {
  const following = ids.map((id) => spans.find((span) => span.serverId === id && spanCovers(span, atMs)));
  const leaders = new Set(
    following.map((span) => (span?.leaderId ? `${span.leaderId} in term ${span.term}` : 'no leader')),
  );
  if (leaders.size > 1 || leaders.has('no leader')) {
    return `live servers ${ids.join(', ')} follow ${[...leaders].join(' and ')} at ${atMs.toFixed(1)}`;
  }
  const leaderId = following[0]!.leaderId!;
  return reach.includes(leaderId)
    ? null
    : `all of ${ids.join(', ')} follow ${leaderId}, out of reach, at ${atMs.toFixed(1)}`;
}

/** A server that comes back joins the leader of its peers: if nothing else is faulty, no server changes its leader. */
function unseated(history: History, spans: LeadershipSpan[], { ids, reach, since, fromMs, toMs }: Group): string[] {
  const [heal] = since;
  const comesBack = since.length === 1 && ['restart', 'resume'].includes(heal!.action);
  if (!comesBack || !ids.includes(heal!.server_id) || reach.length > ids.length || !isComplete(history, ids, fromMs))
    return [];
  const others = ids.filter((id) => id !== heal!.server_id);
  const before = others.map((id) => spans.find((span) => span.serverId === id && spanCovers(span, fromMs)));
  const [first] = before;
  const agreed = before.every((span) => span?.leaderId === first?.leaderId && span?.term === first?.term);
  if (!agreed || first === undefined || first.leaderId === null || !others.includes(first.leaderId)) return [];
  // In one term the leader with the lower id stays, so the leadership of a paused server may rightly prevail.
  const own = spans.find(
    (span) => span.serverId === heal!.server_id && span.fromMs < fromMs && spanCovers(span, fromMs),
  );
  // A candidate of a later term cannot follow the leader of an earlier one.
  if (own && own.term >= first.term + (own.leaderId === null ? 1 : 0)) return [];
  const settledMs = Math.max(...before.map((span) => span!.fromMs));
  if (fromMs - settledMs < settleMs(history) || recentlyHealed(history, fromMs, heal!.server_id)) return [];
  const changed = before.find((span) => span!.toMs < toMs && span!.toMs < history.endMs);
  if (!changed) return [];
  return [`the ${heal!.action} of ${heal!.server_id} unseated ${first.leaderId} at ${changed.toMs.toFixed(1)}`];
}

/** Returns true if leadership may still be settling after an earlier fault, other than earlier returns of the server. */
function recentlyHealed(history: History, atMs: number, backId: number): boolean {
  return history.faults.some(({ action, server_id: serverId, time }) => {
    const isOwn = serverId === backId && ['restart', 'resume'].includes(action);
    return !isOwn && !['kill', 'pause'].includes(action) && time < atMs && atMs - time < settleMs(history);
  });
}

function spanCovers(span: LeadershipSpan, atMs: number): boolean {
  return span.fromMs <= atMs && atMs < span.toMs;
}
