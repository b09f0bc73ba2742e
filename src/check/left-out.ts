/**
 * Evidence that is missing: events that servers dropped for lack of room, servers without events, damaged lines. A rule
 * that needs it is unknown, even if it seems to hold.
 */
import type { ServerEvent } from '../core/metrics/record';
import type { RuleResult } from '../core/rule-result';
import type { DamagedFile, History } from './history';

type Kind = ServerEvent['event'];

const LEADERSHIP: readonly Kind[] = ['leader', 'election', 'stepped_down'];
const HEARING: readonly Kind[] = ['peer_up', 'peer_down'];

/**
 * The events that a rule needs to hold. S5 needs requests only; S6 and S7 look for dropped events themselves, and an S6
 * that holds has found all that it needs.
 */
const NEEDED: Partial<Record<string, readonly Kind[]>> = {
  S1: [...LEADERSHIP, ...HEARING],
  S2: LEADERSHIP,
  S3: HEARING,
  S4: [...LEADERSHIP, ...HEARING, 'assigned', 'resumed'],
  S8: LEADERSHIP,
};

const OF_SERVERS: readonly DamagedFile['kind'][] = ['events', 'faults'];
/** The files that a rule needs to hold. */
const FILES: Partial<Record<string, readonly DamagedFile['kind'][]>> = {
  S5: ['records'],
  S6: ['records'],
  S7: ['records', ...OF_SERVERS],
};

/** Returns true if the event says that events of these kinds were dropped from a file for lack of room. */
export function isLeftOut(event: ServerEvent, kinds: readonly Kind[]): boolean {
  if (event.event !== 'left_out') return false;
  const counts: Partial<Record<Kind, number>> | undefined = event.counts;
  return kinds.some((kind) => (counts?.[kind] ?? 0) > 0);
}

/** Turns a rule that seems to hold into unknown if evidence that it needs is missing; a violation remains. */
export function withoutMissing(history: History, verdict: RuleResult): RuleResult {
  if (verdict.verdict !== true) return verdict;
  const kinds = NEEDED[verdict.rule] ?? [];
  const dropped = history.servers.filter((event) => isLeftOut(event, kinds)).map(({ server_id }) => server_id);
  const files = FILES[verdict.rule] ?? OF_SERVERS;
  const silent = files.includes('events') ? silentIds(history) : [];
  const fallen = files.includes('events') ? fallenSilent(history) : [];
  const problems = [
    ...(dropped.length > 0 ? [`server ${listed(dropped)} dropped events that this rule needs, for lack of room`] : []),
    ...(silent.length > 0 ? [`there are no events of server ${listed(silent)}`] : []),
    ...(fallen.length > 0 ? [`server ${listed(fallen)} wrote nothing for the rest of the run, without a fault`] : []),
    ...(history.damaged ?? []).filter(({ kind }) => files.includes(kind)).map(damageText),
  ];
  return problems.length === 0 ? verdict : { ...verdict, verdict: 'unknown', problems };
}

/** Returns the servers without any event. */
export function silentIds({ servers, serverIds }: History): number[] {
  const heard = new Set(servers.map(({ server_id }) => server_id));
  return serverIds.filter((id) => !heard.has(id));
}

/** A server writes a sample every second. */
const SILENT_MS = 3000;
/** With fewer, it is not known that it writes them regularly. */
const FEW_SAMPLES = 3;

/** Returns the servers that wrote samples and then nothing until the end, although no fault keeps them from it. */
function fallenSilent({ servers, serverIds, faults, endMs }: History): number[] {
  return serverIds.filter((id) => {
    const own = servers.filter((event) => event.server_id === id);
    const last = own.at(-1);
    if (last === undefined || last.event === 'stopped' || endMs - last.time < SILENT_MS) return false;
    const isStop = ({ server_id: of, action, time }: History['faults'][number]): boolean =>
      of === id && ['kill', 'terminate', 'pause'].includes(action) && time > last.time - SILENT_MS;
    return own.filter(({ event }) => event === 'sample').length >= FEW_SAMPLES && !faults.some(isStop);
  });
}

function damageText({ file, lines }: DamagedFile): string {
  return `${file} has ${lines} damaged ${lines === 1 ? 'line' : 'lines'}`;
}

function listed(ids: readonly number[]): string {
  return [...new Set(ids)].sort((a, b) => a - b).join(', ');
}
