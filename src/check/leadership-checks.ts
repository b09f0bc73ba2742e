/** The rules about leaders at any time: one leader (S1), and stability (S8). */
import { ruleResult, type RuleResult } from '../core/rule-result';
import {
  absences,
  hearing,
  leadershipSpans,
  overlapMs,
  settleMs,
  type History,
  type Interval,
  type LeadershipSpan,
} from './history';
import { groups, linkTroubles } from './links';

/** The time after a heal or a resume in which links and leaderships may still be settling. */
const SETTLING_MS = 1000;

/**
 * Checks S1: two servers that hear each other both lead for at most one message each way. Judged for each pair, at any
 * time when both run and no fault affects the link between them.
 */
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
      if (both.toMs - both.fromMs <= 2 * history.oneWayMs) continue;
      for (const { fromMs, toMs } of undisturbed(history, both, a.serverId, b.serverId)) {
        if (toMs - fromMs <= 2 * history.oneWayMs) continue;
        problems.push(
          `servers ${a.serverId} (term ${a.term}) and ${b.serverId} (term ${b.term}) hear each other and both lead ` +
            `from ${fromMs.toFixed(1)} to ${toMs.toFixed(1)}`,
        );
      }
    }
  }
  return problems;
}

/** Returns the parts of an interval in which both servers ran and the link between them was open for some time. */
function undisturbed(history: History, whole: Interval, a: number, b: number): Interval[] {
  const slackMs = SETTLING_MS + history.timings.heartbeatMs;
  const absent = [a, b].flatMap((id) => absences(history, id));
  // A server that stood still when its link was healed dials again only when it runs.
  const ranMs = (healedMs: number): number =>
    absent.reduce((lastMs, { fromMs, toMs }) => (fromMs <= lastMs && lastMs < toMs ? toMs : lastMs), healedMs);
  const troubles = [
    ...linkTroubles(history, a, b).map(({ fromMs, toMs }) => ({ fromMs, toMs: ranMs(toMs) + slackMs })),
    // Its connections may have been lost meanwhile: by S2, all agree within a second where links are open.
    ...absent.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + SETTLING_MS + history.oneWayMs })),
  ].sort((x, y) => x.fromMs - y.fromMs);
  const parts: Interval[] = [];
  let { fromMs } = whole;
  for (const trouble of troubles) {
    if (overlapMs(trouble, { fromMs, toMs: whole.toMs }) <= 0) continue;
    if (trouble.fromMs > fromMs) parts.push({ fromMs, toMs: trouble.fromMs });
    fromMs = Math.max(fromMs, trouble.toMs);
  }
  if (fromMs < whole.toMs) parts.push({ fromMs, toMs: whole.toMs });
  return parts;
}

/**
 * Checks S8: while a fault persists unchanged, leadership changes cease within the bound of S2. Judged for each group of
 * connected servers that is steady, whatever changes elsewhere.
 */
export function checkStability(history: History): RuleResult {
  const problems: string[] = [];
  const changes = history.servers.filter(({ event }) => ['leader', 'election', 'stepped_down'].includes(event));
  for (const { ids, isSteady, fromMs, toMs } of groups(history)) {
    if (!isSteady) continue;
    const afterMs = fromMs + settleMs(history) + history.oneWayMs;
    for (const event of changes) {
      if (!ids.includes(event.server_id) || event.time <= afterMs || event.time >= toMs) continue;
      problems.push(
        `server ${event.server_id}: ${event.event}${'term' in event ? ` in term ${event.term}` : ''} at ` +
          `${event.time.toFixed(1)}, though no fault that it can feel was injected or healed since ${fromMs.toFixed(1)}`,
      );
    }
  }
  return ruleResult('S8', problems);
}

function intersect(...intervals: Interval[]): Interval {
  return {
    fromMs: Math.max(...intervals.map(({ fromMs }) => fromMs)),
    toMs: Math.min(...intervals.map(({ toMs }) => toMs)),
  };
}
