/** Law 2: takes evidence out of the files of a run, but only what leaves a trace elsewhere. */
import * as fc from 'fast-check';
import type { FaultEvent, RequestRecord } from '../../../src/core/metrics/record';
import {
  clientFileName,
  generatorFileName,
  requestsFileName,
  runFileName,
} from '../../../src/core/metrics/run-file-names';
import type { Machine, Run } from './run-model';
import { type Files, filesOf, folderOf, lineOf } from './write-run';

export const REMOVALS = [
  'a record',
  'the records of a client',
  'the tail of the records',
  "the run file's end",
  'the events of a server',
  'a line of a fault',
  'the samples of a generator',
  'a sample of a generator',
  'the file of a client',
] as const;
export type RemovalName = (typeof REMOVALS)[number];

/** Selects what is removed; numbers select among what the run has. */
export interface RemovalChoice {
  name: RemovalName;
  pick: number;
  /** 1 to 1,000: the share of the tail. */
  amount: number;
}

export interface Less {
  files: Files;
  /** The removal for people. */
  text: string;
}

export const removals: fc.Arbitrary<RemovalChoice> = fc.record({
  name: fc.oneof(
    { weight: 5, arbitrary: fc.constant<RemovalName>('a record') },
    { weight: 6, arbitrary: fc.constantFrom(...REMOVALS) },
  ),
  pick: fc.nat(9999),
  amount: fc.integer({ min: 1, max: 1000 }),
});

type Removal = (run: Run, choice: RemovalChoice, files: Map<string, string>) => string | null;

const REMOVE: Record<RemovalName, Removal> = {
  'a record': (run, { pick }, files) => {
    const machine = chosen(run.machines, pick);
    const tried = machine.records.map((_, index) => [machine.records[(pick + index) % machine.records.length]!]);
    return without(machine, tried.find((gone) => leavesTrace(machine, gone, run)) ?? [], files);
  },
  'the records of a client': (run, { pick }, files) => {
    const machine = chosen(run.machines, pick);
    const id = chosen(machine.clientIds, pick >> 1);
    const gone = machine.records.filter(({ client_id }) => client_id === id);
    return leavesTrace(machine, gone, run) ? without(machine, gone, files) : null;
  },
  'the tail of the records': (run, { pick, amount }, files) => {
    const machine = chosen(run.machines, pick);
    const gone = machine.records.slice(-Math.max(1, Math.round((machine.records.length * amount) / 1000)));
    return leavesTrace(machine, gone, run) ? without(machine, gone, files) : null;
  },
  "the run file's end": (run, { pick }, files) => {
    const { id, runFile } = chosen(run.machines, pick);
    files.set(`${folderOf(id)}/${runFileName(id)}`, JSON.stringify({ ...runFile, ended_at: null }));
    return `the end time in the run file of machine ${id}`;
  },
  'the events of a server': (run, { pick }, files) => {
    // A cluster of which only one server was ever named leaves no trace of it.
    const seen = run.servers.filter(({ id }) => isSeenElsewhere(id, run));
    if (seen.length === 0) return null;
    const { id } = chosen(seen, pick);
    files.delete(`server_${id}_events.ndjson`);
    return `the event file of server ${id}`;
  },
  'a line of a fault': (run, { pick }, files) => {
    const lines = run.faults.filter((each) => leavesLine(each, run.faults));
    if (lines.length === 0) return null;
    const gone = chosen(lines, pick);
    const kept = run.faults.filter((each) => each !== gone);
    files.set('fault_events.ndjson', kept.map(lineOf).join(''));
    return `the line "${gone.action} of server ${gone.server_id} ${gone.outcome}"`;
  },
  'the samples of a generator': (run, { pick }, files) => {
    const { id } = chosen(run.machines, pick);
    files.delete(`${folderOf(id)}/${generatorFileName(id)}`);
    return `the samples of the generator of machine ${id}`;
  },
  'a sample of a generator': (run, { pick }, files) => {
    const { id } = chosen(run.machines, pick);
    const name = `${folderOf(id)}/${generatorFileName(id)}`;
    const all = files.get(name)!.split(/(?<=\n)/);
    // One of a second in which nothing was sent leaves no trace.
    const gone = all.findIndex((line, at) => at >= pick % all.length && /"sent":[1-9]/.test(line));
    if (gone < 0) return null;
    files.set(name, all.filter((_, at) => at !== gone).join(''));
    return `sample ${gone + 1} of the generator of machine ${id}`;
  },
  'the file of a client': (run, { pick }, files) => {
    const { id, clientIds } = chosen(run.machines, pick);
    const clientId = chosen(clientIds, pick >> 1);
    files.delete(`${folderOf(id)}/${clientFileName(id, clientId)}`);
    return `the file of client ${clientId} of machine ${id}`;
  },
};

/** Returns the files of a run without some of them; null if the run has none to remove, or no trace would be left. */
export function remove(run: Run, choice: RemovalChoice): Less | null {
  const files = filesOf(run);
  const text = REMOVE[choice.name](run, choice, files);
  return text === null ? null : { files, text: `without ${text}` };
}

function chosen<T>(all: readonly T[], pick: number): T {
  return all[pick % all.length]!;
}

function without(machine: Machine, gone: readonly RequestRecord[], files: Map<string, string>): string | null {
  if (gone.length === 0) return null;
  const kept = machine.records.filter((record) => !gone.includes(record));
  files.set(`${folderOf(machine.id)}/${requestsFileName(machine.id)}`, kept.map(lineOf).join(''));
  const [{ client_id, request_id, outcome, latency_ms }] = gone as [RequestRecord];
  const first = `request ${request_id} of client ${client_id} (${outcome}, ${latency_ms} ms)`;
  return gone.length === 1 ? first : `${gone.length} records of machine ${machine.id}, the first ${first}`;
}

/**
 * Returns true if each of these records is known to be missing: a later id of its client is there, its client's own
 * sums count it, or the number of requests was planned (a uniform rate).
 */
function leavesTrace(machine: Machine, gone: readonly RequestRecord[], { isOpen }: Run): boolean {
  if (isOpen) return true;
  const last = new Map<number, number>();
  for (const record of machine.records) {
    if (gone.includes(record)) continue;
    last.set(record.client_id, Math.max(last.get(record.client_id) ?? 0, record.request_id));
  }
  const isCounted = ({ outcome }: RequestRecord): boolean => outcome === 'success' || outcome === 'failure';
  return gone.every((record) => isCounted(record) || record.request_id < (last.get(record.client_id) ?? 0));
}

/** Records name the servers that they were assigned to; other servers name their leader and the peers they lost. */
function isSeenElsewhere(id: number, { machines, servers }: Run): boolean {
  const isAssigned = machines.some(({ records }) => records.some((record) => record.assigned_server_id === id));
  const isNamed = servers.some(
    (other) =>
      other.id !== id &&
      other.events.some(
        (each) =>
          (each.event === 'leader' && each.leader_id === id) || (each.event === 'peer_down' && each.peer_id === id),
      ),
  );
  return isAssigned || isNamed;
}

/** A line leaves a trace if its other half, started or done, is there. */
function leavesLine(line: FaultEvent, all: readonly FaultEvent[]): boolean {
  return all.some(
    ({ action, server_id, outcome }) =>
      action === line.action && server_id === line.server_id && outcome !== line.outcome,
  );
}
