/** Events that servers dropped for lack of room: a rule that needs them is unknown, even if it seems to hold. */
import type { ServerEvent } from '../core/metrics/record';
import type { RuleResult } from '../core/rule-result';
import type { History } from './history';

type Kind = ServerEvent['event'];

const LEADERSHIP: readonly Kind[] = ['leader', 'election', 'stepped_down'];
const HEARING: readonly Kind[] = ['peer_up', 'peer_down'];

/** The events that a rule needs to hold. S5 needs requests only; S6 and S7 look for dropped events themselves. */
const NEEDED: Partial<Record<string, readonly Kind[]>> = {
  S1: [...LEADERSHIP, ...HEARING],
  S2: LEADERSHIP,
  S3: HEARING,
  S4: [...LEADERSHIP, ...HEARING, 'assigned', 'resumed'],
  S8: LEADERSHIP,
};

/** Returns true if the event says that events of these kinds were dropped from a file for lack of room. */
export function isLeftOut(event: ServerEvent, kinds: readonly Kind[]): boolean {
  if (event.event !== 'left_out') return false;
  const counts: Partial<Record<Kind, number>> | undefined = event.counts;
  return kinds.some((kind) => (counts?.[kind] ?? 0) > 0);
}

/** Turns a rule that seems to hold into unknown if events that it needs were dropped; a violation remains. */
export function withoutLeftOut(history: History, verdict: RuleResult): RuleResult {
  const kinds = NEEDED[verdict.rule] ?? [];
  if (verdict.verdict !== true) return verdict;
  const missing = history.servers.filter((event) => isLeftOut(event, kinds));
  if (missing.length === 0) return verdict;
  const servers = [...new Set(missing.map(({ server_id }) => server_id))].sort((a, b) => a - b);
  const problem = `server ${servers.join(', ')} dropped events that this rule needs, for lack of room`;
  return { ...verdict, verdict: 'unknown', problems: [problem] };
}
