/** The figures from the servers' events: who noticed a fault, who led when, who was there (*Leaders*, *Balance*). */
import { distributionOf, largest, smallest } from './population.mjs';
import { endOfRun } from './windows.mjs';

const byTime = (a, b) => a.time - b.time;

/**
 * Returns the servers that were "there to be used (server events, run file, faults, the client's configuration)": their
 * ids as far as known, and their number (null: not known). Faults and responses alone do not tell how many there are.
 */
export function serversOf(run, population) {
  const events = run.events ?? [];
  const ids = new Set([
    ...events.flatMap((event) => [event.server_id, event.peer_id, event.leader_id]),
    ...(run.faults ?? []).map((line) => line.server_id),
    ...Object.keys(distributionOf(population)).map(Number),
  ]);
  for (const id of [...ids]) if (typeof id !== 'number') ids.delete(id);
  const addresses = Math.max(population.addresses, run.servers?.length ?? 0);
  const withFile = new Set(events.map((event) => event.server_id));
  const number = events.length === 0 && addresses === 0 ? null : Math.max(ids.size, addresses);
  return { ids: [...ids], withFile, number, areAllRead: number !== null && withFile.size >= number };
}

/** Returns the largest share of a server divided by the mean share of all that were there. */
export function balanceOf(population, servers) {
  const counts = Object.values(distributionOf(population));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const isKnown = servers.number !== null && total > 0;
  return {
    total_max_over_mean: isKnown ? largest(counts) / (total / servers.number) : null,
    servers_expected: servers.number,
  };
}

/** True if a server left out events of a kind, because they did not fit in its file. */
function leftOut(events, id, kind) {
  return events.some((event) => event.server_id === id && event.event === 'left_out' && event.counts?.[kind] > 0);
}

/** True if a server led at a time: its own events say so, or else the last that another one was told. */
function ledAt(events, id, time) {
  const before = events.filter((event) => event.time <= time);
  const own = before.filter((event) => event.server_id === id && changesLead(event)).at(-1);
  if (own !== undefined) return own.event === 'leader' && own.leader_id === id;
  return before.filter((event) => event.event === 'leader').at(-1)?.leader_id === id;
}

const changesLead = (event) => ['leader', 'stepped_down', 'started', 'stopping', 'stopped'].includes(event.event);

/**
 * Returns when a fault was detected and when a new leader was followed, in ms after its start. Survivors are the
 * servers that no fault affects from its start to its heal. "One that never did makes it unknown, and is named."
 */
export function reactionsOf(row, rows, run, servers, limit) {
  const events = [...(run.events ?? [])].sort(byTime);
  const end = row.end ?? limit;
  const unknown = {};
  const result = { detected_first_ms: null, detected_last_ms: null, leader_first_ms: null, leader_all_ms: null };
  const hide = (names, reason) => names.forEach((name) => (unknown[name] ??= reason));
  const give = (values) => ({ ...result, ...values, unknown });
  const all = Object.keys(result);

  const affected = rows.filter((each) => each.start <= end && (each.end ?? Infinity) >= row.start);
  const survivors = servers.ids.filter((id) => !affected.some((each) => each.server_id === id));
  if (!servers.areAllRead) hide(all, 'the events of a server are missing');
  else if (survivors.length === 0) hide(all, 'no server survived it');
  else if (!row.isComplete) hide(all, 'a line of its event is missing');
  if (Object.keys(unknown).length > 0) return give({});

  const values = {};
  const downs = survivors.map((id) =>
    events.find(
      (event) =>
        event.event === 'peer_down' &&
        event.server_id === id &&
        event.peer_id === row.server_id &&
        event.time >= row.start &&
        event.time <= end,
    ),
  );
  const blind = survivors.filter((_, at) => downs[at] === undefined);
  const detected = downs.filter((event) => event !== undefined).map((event) => event.time - row.start);
  if (survivors.some((id) => leftOut(events, id, 'peer_down'))) {
    hide(['detected_first_ms', 'detected_last_ms'], 'events were left out');
  } else {
    if (detected.length === 0) hide(['detected_first_ms'], 'no server detected it');
    else values.detected_first_ms = smallest(detected);
    if (blind.length > 0) hide(['detected_last_ms'], `server ${blind.join(', ')} did not detect it`);
    else values.detected_last_ms = largest(detected);
  }

  const names = ['leader_first_ms', 'leader_all_ms'];
  if (!ledAt(events, row.server_id, row.start)) hide(names, 'the server did not lead');
  else if (survivors.some((id) => leftOut(events, id, 'leader'))) hide(names, 'events were left out');
  else {
    // Each survivor's leader as told after the fault; none while it has only the one from before.
    const following = new Map();
    const told = events.filter(
      (event) => survivors.includes(event.server_id) && event.time >= row.start && event.time <= limit,
    );
    for (const event of told) {
      if (event.event === 'stepped_down' || event.event === 'started') following.delete(event.server_id);
      if (event.event !== 'leader' || (event.leader_id === row.server_id && event.time < end)) continue;
      following.set(event.server_id, event.leader_id);
      values.leader_first_ms ??= event.time - row.start;
      if (following.size === survivors.length && new Set(following.values()).size === 1) {
        values.leader_all_ms ??= event.time - row.start;
      }
    }
    if (values.leader_first_ms === undefined) hide(names, 'no server followed a new leader');
    const lost = survivors.filter((id) => !following.has(id));
    if (values.leader_all_ms === undefined) {
      hide(['leader_all_ms'], lost.length > 0 ? `server ${lost.join(', ')} followed no leader` : 'they never agreed');
    }
  }
  return give(values);
}

/**
 * Returns the time for which each server led: "a lead ends at the first sign of its end: its own stop, stepping down or
 * hearing of a greater one; the moment a kill was *sent*; a peer's *refused*, if the server itself writes nothing
 * later". `alive` is its last sign of life before its end.
 */
function leadsOf(events, faults, end) {
  const sorted = [...events].sort(byTime);
  return sorted
    .filter((event) => event.event === 'leader' && event.leader_id === event.server_id)
    .map(({ server_id: id, term, time }) => {
      const own = sorted.filter((event) => event.server_id === id && event.time >= time);
      const started = own.find((event) => event.event === 'started' && event.time > time)?.time ?? Infinity;
      const inLife = own.filter((event) => event.time < started);
      const lastSign = largest(inLife.map((event) => event.time));
      const changes = inLife.filter((event) => changesLead(event) && event.time > time).map((event) => event.time);
      const kills = faults
        .filter(
          (line) => line.server_id === id && line.action === 'kill' && line.outcome === 'started' && line.time >= time,
        )
        .map((line) => line.time);
      const refusals = sorted
        .filter((event) => event.event === 'peer_down' && event.peer_id === id && event.reason === 'refused')
        .filter((event) => event.time >= lastSign)
        .map((event) => event.time);
      const to = smallest([...changes, ...kills, ...refusals, started, end]);
      return { server_id: id, term, from: time, to: Math.max(to, time), alive: Math.max(time, Math.min(to, lastSign)) };
    });
}

/**
 * Returns the leaders of a run. "Terms are counted, not events": those of leads that overlap the load. Two leaders are
 * told "only where both were certainly alive"; and all is unknown if the file of a server is missing.
 */
export function leadersOf(run, population, servers) {
  const events = run.events ?? [];
  const unknown = { terms: null, leads: null, no_leader_ms: null, several_leaders_ms: null };
  if (!servers.areAllRead || population.requests.length === 0) return unknown;
  if (servers.ids.some((id) => leftOut(events, id, 'leader'))) return unknown;
  const from = smallest(population.requests.map((request) => request.due));
  const to = endOfRun(population);
  const leads = leadsOf(events, run.faults ?? [], to).filter((lead) => lead.to >= from && lead.from <= to);
  const edges = [...leads.flatMap((lead) => [lead.from, lead.to, lead.alive]), from, to]
    .filter((time) => time >= from && time <= to)
    .sort((a, b) => a - b);
  let none = 0;
  let several = 0;
  for (let at = 0; at + 1 < edges.length; at++) {
    const [start, end] = [edges[at], edges[at + 1]];
    if (!leads.some((lead) => lead.from <= start && lead.to >= end)) none += end - start;
    const certain = leads.filter((lead) => lead.from <= start && lead.alive >= end);
    if (new Set(certain.map((lead) => lead.server_id)).size > 1) several += end - start;
  }
  return {
    terms: new Set(leads.map((lead) => lead.term)).size,
    leads,
    no_leader_ms: none,
    several_leaders_ms: several,
  };
}
