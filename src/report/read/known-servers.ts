/** The servers of a run, as far as its files name them. */
import { serversText } from '../../core/counted';
import type { Inputs } from './inputs';

type Told = Pick<Inputs, 'events' | 'eventServerIds' | 'faults' | 'servers' | 'loads'>;

/** Returns the ids that any file names, ascending. */
function knownServerIds({ events, eventServerIds, faults, servers }: Told): number[] {
  const ids = new Set([...eventServerIds, ...servers.all, ...(faults ?? []).map(({ server_id }) => server_id)]);
  for (const event of events ?? []) {
    if (event.event === 'peer_down') ids.add(event.peer_id);
    if (event.event === 'leader') ids.add(event.leader_id);
  }
  return [...ids].sort((a, b) => a - b);
}

/** Returns the known servers without an event file. */
export function silentServerIds(told: Told): number[] {
  return knownServerIds(told).filter((id) => !told.eventServerIds.includes(id));
}

/** Says whose events are missing. */
export function noEventsText(ids: readonly number[]): string {
  return `there is no event file of ${serversText(ids)}`;
}

/** Says whose events end too early. */
export function endsEarlyText(ids: readonly number[]): string {
  return ids.length === 1
    ? `the file of server ${ids[0]} ends before the run does`
    : `the files of ${serversText(ids)} end before the run does`;
}

/**
 * Returns the number of servers that were there to be used; null if neither event files nor a configuration tell.
 * @param addresses those of the cluster, if the caller knows them
 */
export function expectedServerCount(told: Told, addresses: readonly string[] = []): number | null {
  const configured = [...told.loads.map(({ config }) => addressesOf(config)), addresses].map(({ length }) => length);
  const most = Math.max(0, ...configured);
  if (most === 0 && told.eventServerIds.length === 0) return null;
  return Math.max(most, knownServerIds(told).length);
}

function addressesOf(config: object): readonly unknown[] {
  const { server_addresses: addresses } = config as Record<string, unknown>;
  return Array.isArray(addresses) ? addresses : [];
}
