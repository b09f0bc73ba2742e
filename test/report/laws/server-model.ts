/** The event files of the servers of a random run: their starts, leaders, losses of peers, executions and samples. */
import type { Random } from '../../../src/core/environment';
import type { ServerEvent, ServerEventBody } from '../../../src/core/metrics/record';
import { clientName } from '../../../src/core/metrics/run-file-names';
import { toMicros } from '../../../src/core/to-micros';
import { event, sample, T0 } from '../lab';
import type { FaultSpan, Machine, Plan, Run } from './run-model';

/** A killed server loses the events of this time. */
const UNWRITTEN_MS = 100;
const ANSWER_MS = 1;

/** Builds the files of all servers; one that is down writes nothing. */
export function serversOf(
  plan: Plan,
  spans: readonly FaultSpan[],
  machines: readonly Machine[],
  random: Random,
): Run['servers'] {
  const ids = Array.from({ length: plan.servers }, (_, index) => index + 1);
  const files = new Map<number, ServerEvent[]>(ids.map((id) => [id, []]));
  const downs = spans.filter(({ kind }) => kind !== 'delay' && kind !== 'loss');
  const write = (atMs: number, id: number, body: ServerEventBody): void =>
    void files.get(id)!.push(event(toMicros(atMs), id, body) as ServerEvent);
  writeLeaders(ids, downs, write, random);
  const endMs = Math.max(...machines.map(({ runFile }) => runFile.ended_at! - T0));
  for (const id of ids) {
    for (let atMs = 500; atMs < endMs; atMs += 1000) files.get(id)!.push(sample(atMs, id) as ServerEvent);
  }
  for (const { id, records } of machines) {
    for (const record of records) {
      if (!record.success) continue;
      const task = { client_name: clientName(id, record.client_id), request_id: record.request_id };
      const done = {
        event: 'executed',
        outcome: 'answered',
        incarnation: 'i',
        run_id: record.run_id,
        ...task,
      } as const;
      write(record.start_time + record.latency_ms - ANSWER_MS - T0, record.assigned_server_id ?? 1, done);
    }
  }
  return ids.map((id) => ({ id, events: writtenOf(id, files.get(id)!, downs) }));
}

type Write = (atMs: number, id: number, body: ServerEventBody) => void;

/** The greatest server that is alive leads; the others notice the loss of one after a while. */
function writeLeaders(ids: readonly number[], downs: readonly FaultSpan[], write: Write, random: Random): void {
  let leader = Math.max(...ids);
  let term = 1;
  for (const id of ids) {
    write(-1000, id, { event: 'started', incarnation: 'i', address: `127.0.0.1:800${id}` });
    write(-900, id, { event: 'ready' });
    write(-800 + id, id, { event: 'leader', term, leader_id: leader, reason: 'won' });
  }
  for (const { kind, serverId, doneMs, healMs } of downs) {
    const others = ids.filter((id) => id !== serverId && !isDown(id, doneMs, downs));
    const noticedMs = doneMs + 20 + 400 * random();
    for (const id of others)
      write(noticedMs + 50 * random(), id, { event: 'peer_down', peer_id: serverId, reason: 'silent' });
    if (kind === 'terminate' || kind === 'restart') write(doneMs - 1, serverId, { event: 'stopped' });
    if (serverId === leader && others.length > 0) {
      leader = Math.max(...others);
      term += 1;
      write(noticedMs + 60, leader, { event: 'election', term, reason: 'silent' });
      for (const id of others)
        write(noticedMs + 80 + 40 * random(), id, { event: 'leader', term, leader_id: leader, reason: 'won' });
    }
    if (healMs === null) continue;
    if (kind !== 'pause' && kind !== 'partition') {
      write(healMs - 3, serverId, { event: 'started', incarnation: 'j', address: `127.0.0.1:800${serverId}` });
      write(healMs - 2, serverId, { event: 'ready' });
    }
    write(healMs + 30, serverId, { event: 'leader', term, leader_id: leader, reason: 'followed' });
  }
}

function isDown(id: number, atMs: number, downs: readonly FaultSpan[]): boolean {
  return downs.some(({ serverId, doneMs, healMs }) => serverId === id && atMs >= doneMs && atMs < (healMs ?? Infinity));
}

/** Returns the events that a server could write, in order of time. */
function writtenOf(id: number, events: readonly ServerEvent[], downs: readonly FaultSpan[]): ServerEvent[] {
  // One that is cut off writes on.
  const own = downs.filter(({ serverId, kind }) => serverId === id && kind !== 'partition');
  const isLost = ({ time }: ServerEvent): boolean =>
    own.some(({ kind, doneMs, healMs }) => {
      const lostMs = kind === 'kill' ? UNWRITTEN_MS : 0;
      return time - T0 > doneMs - lostMs && time - T0 < (healMs ?? Infinity) - 3;
    });
  return events.filter((each) => !isLost(each)).sort((a, b) => a.time - b.time);
}
