/** Finds runs that were cut short, by a full disk or a kill. */
import { clientFileName, clientName, machineOfClient, runFileName } from '../../core/metrics/run-file-names';
import type { LoadEnd } from '../../core/metrics/record';
import { CappedList } from './capped-list';
import { type Inputs, partKeyOf } from './inputs';
import { increment } from './interner';
import type { ClientTaskFlags } from './task-flags';

/** More clients than one process can run. */
const MAX_CLIENTS = 1_000_000;

/** One machine's part of a run. */
interface Part {
  machineId: number;
  runId: string;
  /** The clients with records. */
  clientIds: readonly number[];
  /** The configured number of clients; 0 if unknown. */
  wanted: number;
  /** Undefined if there is no machine_{n}_run.json. */
  hasEnd?: boolean;
  /** The cause for which it did not do its plan; null if it did, or nobody knows. */
  cutBy: LoadEnd | null;
}

/**
 * At its end, a load writes a summary of each client and the end time. Records alone, without any of the files that
 * only our own load writes, do not count as cut short.
 */
export function findCutRuns(inputs: Inputs, summarized: ReadonlySet<ClientTaskFlags>): void {
  const alone = countAlone(inputs);
  for (const { machineId, runId, clientIds, wanted, hasEnd, cutBy } of partsOf(inputs)) {
    const without = clientIds.filter((id) => !summarized.has(inputs.tasks.find(runId, clientName(machineId, id))!));
    const seen = clientIds.length + (alone.get(partKeyOf(runId, machineId)) ?? 0);
    const total = Math.max(seen, wanted);
    const count = without.length + total - seen;
    if (hasEnd === undefined && count === total) continue;
    if (count > 0) tellClients(inputs, machineId, without, { count, total });
    else if (hasEnd === false) tellEnd(inputs, machineId);
    else if (cutBy !== null) tellCut(inputs, machineId, cutBy);
  }
}

/** Takes the newest run of each records file: that is the run to which the other files belong. */
function partsOf({ records, loads }: Inputs): Part[] {
  const parts = new Map<string, Part>();
  for (const run of records) {
    const { path, machineId, runId, clients, latestMs } = run;
    if (records.some((other) => other.path === path && other.latestMs > latestMs)) continue;
    const cutBy = [...clients.values()].some(({ wasInterrupted }) => wasInterrupted) ? 'interrupt' : null;
    parts.set(partKeyOf(runId, machineId), { machineId, runId, clientIds: [...clients.keys()], wanted: 0, cutBy });
  }
  for (const { run_id: runId, machine_id: machineId, ended_at, ended_by: endedBy, config } of loads) {
    const part = parts.get(partKeyOf(runId, machineId)) ?? { machineId, runId, clientIds: [], cutBy: null };
    const cutBy = endedBy === undefined ? part.cutBy : endedBy === 'plan' || endedBy === 'caller' ? null : endedBy;
    parts.set(partKeyOf(runId, machineId), { ...part, wanted: wantedOf(config), hasEnd: ended_at !== null, cutBy });
  }
  return [...parts.values()];
}

/** Counts the clients that have a summary but no records, by run and machine. */
function countAlone({ clients }: Inputs): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { runId, name } of clients) {
    const machineId = machineOfClient(name);
    if (runId !== null) increment(counts, partKeyOf(runId, machineId));
  }
  return counts;
}

/** Returns `num_clients`, or 0 if it is missing or invalid. */
function wantedOf(config: object): number {
  const { num_clients: count } = config as Record<string, unknown>;
  return Number.isSafeInteger(count) && (count as number) <= MAX_CLIENTS ? (count as number) : 0;
}

function tellClients(
  { missing, cut }: Inputs,
  machineId: number,
  ids: readonly number[],
  { count, total }: { count: number; total: number },
): void {
  const names = new CappedList();
  for (const id of [...ids].sort((a, b) => a - b)) names.add(clientFileName(machineId, id));
  const list = names.count === 0 ? '' : `: ${names.lines().join(', ')}`;
  missing.push(`machine ${machineId}: the summaries of ${count} of its ${total} clients${list}`);
  cut.push(
    `${count} of the ${total} clients of machine ${machineId} have no summary: their run was cut short (by a full disk or a kill), or files are missing; so may requests be.`,
  );
}

function tellEnd({ missing, cut }: Inputs, machineId: number): void {
  missing.push(`machine ${machineId}: no end time in ${runFileName(machineId)}`);
  cut.push(
    `Machine ${machineId} wrote no end time for its run: it was cut short (by a full disk or a kill), and requests may be missing.`,
  );
}

const CAUSES: Readonly<Record<LoadEnd, string>> = {
  plan: '',
  caller: '',
  threshold: 'a threshold of --abort-on was crossed',
  interrupt: 'it was interrupted',
  error: 'its files could not be written',
};

function tellCut({ missing, cut }: Inputs, machineId: number, cause: LoadEnd): void {
  missing.push(`machine ${machineId}: the rest of its load: ${CAUSES[cause]}`);
  cut.push(`The load of machine ${machineId} was cut short of its plan: ${CAUSES[cause]}.`);
}
