/** Decides from the answers whether the servers agree (pure). */
import { followOneLeader } from '../core/election/leadership';
import type { StatusFields } from '../core/protocol';
import { type Answer, answered } from './answer.pure';

export interface Agreement {
  /** Every server answered, and all follow the same leader in the same term; by `judgeReady`, all are ready as well. */
  agreed: boolean;
  /** One line for people. */
  text: string;
  leaderId: number | null;
  term: number | null;
}

/** Judges the answers of all expected servers. */
export function judge(answers: readonly Answer[]): Agreement {
  const statuses = answered(answers).map(({ status }) => status);
  const [first] = statuses;
  const problems = [...silences(answers), ...twins(statuses), ...disagreement(statuses)];
  if (first === undefined || problems.length > 0) {
    return { agreed: false, text: problems.join('; ') || 'no server to ask', leaderId: null, term: null };
  }
  const { leader_id: leaderId, term } = first;
  const who = statuses.length === 1 ? `server ${first.server_id} follows` : `all ${statuses.length} servers follow`;
  return { agreed: true, text: `${who} server ${leaderId} in term ${term}`, leaderId, term };
}

/**
 * Judges as `judge` does, for callers that wait until the cluster can be used: a server that is starting or leaving
 * counts as disagreement.
 */
export function judgeReady(answers: readonly Answer[]): Agreement {
  const agreement = judge(answers);
  const notReady = answered(answers).filter(({ status }) => status.phase !== 'ready');
  if (!agreement.agreed || notReady.length === 0) return agreement;
  const texts = [...groupBy(notReady, ({ status }) => status.phase)].map(([phase, group]) => {
    const ids = enumerate(group.map(({ status }) => String(status.server_id)));
    return group.length === 1 ? `server ${ids} is ${phase}` : `servers ${ids} are ${phase}`;
  });
  return { ...agreement, agreed: false, text: `${agreement.text}; ${texts.join('; ')}` };
}

function silences(answers: readonly Answer[]): string[] {
  const silent = answers.filter((answer) => 'failure' in answer);
  const addresses = groupBy(silent, ({ failure }) => failure);
  return [...addresses].map(([failure, group]) => `${enumerate(group.map(({ address }) => address))}: ${failure}`);
}

/** Two processes with one id are a configuration mistake; one process under two addresses is not. */
function twins(statuses: readonly StatusFields[]): string[] {
  const lives = new Map<number, string>();
  const doubled = new Set<number>();
  for (const { server_id: id, incarnation } of statuses) {
    if (lives.has(id) && lives.get(id) !== incarnation) doubled.add(id);
    lives.set(id, incarnation);
  }
  return [...doubled].map((id) => `two servers have id ${id}`);
}

/** Lists the leader that each follows, unless they agree on one leader and term. */
function disagreement(statuses: readonly StatusFields[]): string[] {
  if (followOneLeader(statuses)) return [];
  const followers = groupBy(statuses, ({ leader_id: leaderId, term }) =>
    leaderId === null ? `no leader in term ${term}` : `server ${leaderId} in term ${term}`,
  );
  return [...followers].map(([whom, group]) => {
    const ids = enumerate(group.map(({ server_id: id }) => String(id)));
    return group.length === 1 ? `server ${ids} follows ${whom}` : `servers ${ids} follow ${whom}`;
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function enumerate(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
