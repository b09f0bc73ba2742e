import type { ServerEvent } from '../core/metrics/record';
import type { History, Verdict } from './history';

type Kind = ServerEvent['event'];

const LEADERSHIP: readonly Kind[] = ['leader', 'election', 'stepped_down'];
const HEARING: readonly Kind[] = ['peer_up', 'peer_down'];

/** The events without which a rule cannot be said to hold. S5 is judged by requests alone, S6 and S7 judge for themselves. */
const NEEDED: Partial<Record<Verdict['rule'], readonly Kind[]>> = {
  S1: [...LEADERSHIP, ...HEARING],
  S2: LEADERSHIP,
  S3: HEARING,
  S4: [...LEADERSHIP, ...HEARING, 'assigned', 'resumed'],
  S8: LEADERSHIP,
};

/** Tells whether this says that events of these kinds were left out of a file, for want of room. */
export function isLeftOut(event: ServerEvent, kinds: readonly Kind[]): boolean {
  if (event.event !== 'left_out') return false;
  const counts: Partial<Record<Kind, number>> | undefined = event.counts;
  return kinds.some((kind) => (counts?.[kind] ?? 0) > 0);
}

/** A rule that seems to hold is unknown where events that it needs were left out; one that is broken stays broken. */
export function withoutLeftOut(history: History, verdict: Verdict): Verdict {
  const kinds = NEEDED[verdict.rule] ?? [];
  if (verdict.verdict !== true) return verdict;
  const missing = history.servers.filter((event) => isLeftOut(event, kinds));
  if (missing.length === 0) return verdict;
  const servers = [...new Set(missing.map(({ server_id }) => server_id))].sort((a, b) => a - b);
  const problem = `server ${servers.join(', ')} left out events that it depends on: there were too many`;
  return { ...verdict, verdict: 'unknown', problems: [problem] };
}
