/** Finds requests without a record: other records, sums, the plan, samples or executions show that they existed. */
import { neverSentIn } from '../../core/metrics/failure-reasons';
import { clientName, machineOfClient } from '../../core/metrics/run-file-names';
import type { ClientFile } from './client-file';
import { type Inputs, partKeyOf } from './inputs';
import { loopOf, plannedCount } from './plan';
import type { Interval } from '../report';

const ALWAYS: Interval = { from: -Infinity, to: Infinity };
const MAX_GAPS = 10_000;

/** One machine's part of a run. */
interface Part {
  recorded: number;
  missing: number;
  isInterrupted: boolean;
}

/** Call it after reading everything else. */
export function findGaps(inputs: Inputs): void {
  const parts = partsOf(inputs);
  countUnrecordedClients(inputs, parts);
  for (const load of inputs.loads) {
    const part = partAt(parts, partKeyOf(load.run_id, load.machine_id));
    const planned = part.isInterrupted ? null : plannedCount(load);
    const unplannedCount = (planned ?? 0) - part.recorded - part.missing;
    if (unplannedCount <= 0) continue;
    inputs.missingRecords += unplannedCount;
    inputs.gaps.push(ALWAYS);
  }
  const sent = inputs.generators.reduce((sum, { fold }) => sum + fold.sent, 0);
  const unrecorded = sent - sentCount(inputs) - inputs.missingRecords;
  if (unrecorded > 0) {
    const lasts = inputs.records.flatMap((run) => [...run.clients.values()].map(({ lastDueMs }) => lastDueMs));
    inputs.missingRecords += unrecorded;
    inputs.gaps.push({ from: lasts.reduce((least, ms) => Math.min(least, ms), Infinity), to: Infinity });
  }
  // A client without records tells only its sums.
  if (inputs.clients.length > 0 || inputs.gaps.length > MAX_GAPS) inputs.gaps = [ALWAYS];
}

/** Finds the gaps between and after the records of each client, by machine. */
function partsOf(inputs: Inputs): Map<string, Part> {
  const parts = new Map<string, Part>();
  // Several files may have records of one client.
  const seen = new Set<unknown>();
  for (const { runId, machineId, columns, clients } of inputs.records) {
    const part = partAt(parts, partKeyOf(runId, machineId));
    part.recorded += columns.count;
    const isClosed = inputs.loads.some(
      (load) => load.run_id === runId && load.machine_id === machineId && loopOf(load) === 'closed',
    );
    for (const [clientId, tasks] of clients) {
      if (seen.has(tasks)) continue;
      seen.add(tasks);
      const holes = tasks.gaps();
      const lostCount = Math.max(0, (tasks.saidCount ?? 0) - tasks.sums.successCount - tasks.sums.failedCount);
      const skippedCount = holes.reduce((sum, { count }) => sum + count, 0);
      // The sums have all but undecided requests, of which such a client has at most one.
      const mostCount = isClosed && tasks.saidCount !== null ? lostCount + 1 : Infinity;
      const betweenCount = Math.min(skippedCount, mostCount);
      if (skippedCount > mostCount) {
        const name = clientName(machineId, clientId);
        inputs.notes.push(
          `The request ids of ${name} skip ${skippedCount}, but by its own sums at most ${mostCount} have no record: an id is damaged, the sums are used`,
        );
      }
      const missing = Math.max(betweenCount + tasks.executedAfter(), lostCount);
      part.missing += missing;
      part.isInterrupted ||= tasks.wasInterrupted;
      inputs.missingRecords += missing;
      inputs.gaps.push(...holes.map(({ from, to }) => ({ from, to })));
      if (missing > betweenCount) inputs.gaps.push({ from: tasks.lastDueMs, to: Infinity });
    }
  }
  return parts;
}

/**
 * Counts the requests of clients that have lost all of their records: a load that wrote any record, or a run file, wrote a
 * record of each request.
 */
function countUnrecordedClients(inputs: Inputs, parts: Map<string, Part>): void {
  const loads = new Set(inputs.loads.map(({ run_id, machine_id }) => partKeyOf(run_id, machine_id)));
  const isLost = ({ runId, name }: ClientFile): boolean => {
    const key = runId === null ? '' : partKeyOf(runId, machineOfClient(name));
    return parts.has(key) || loads.has(key);
  };
  const lost = inputs.clients.filter(isLost);
  inputs.clients = inputs.clients.filter((client) => !isLost(client));
  for (const { runId, name, successful, failed, wasInterrupted } of lost) {
    const part = partAt(parts, partKeyOf(runId!, machineOfClient(name)));
    part.missing += successful + failed;
    part.isInterrupted ||= wasInterrupted;
    inputs.missingRecords += successful + failed;
    inputs.gaps.push(ALWAYS);
  }
}

function partAt(parts: Map<string, Part>, key: string): Part {
  let part = parts.get(key);
  if (part === undefined) parts.set(key, (part = { recorded: 0, missing: 0, isInterrupted: false }));
  return part;
}

/** Returns the most requests that can have been sent, by records and sums. */
function sentCount({ records, clients }: Inputs): number {
  const neverSent = [...records, ...clients].reduce((sum, { reasons }) => sum + neverSentIn(reasons), 0);
  // Some of the `unsent` had begun to be sent when the run was stopped.
  const recorded = records.reduce((sum, { columns }) => sum + columns.count, 0);
  const summed = clients.reduce((sum, { successful, failed }) => sum + successful + failed, 0);
  return recorded + summed - neverSent;
}
