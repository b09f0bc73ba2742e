/** Finds requests without a record: other records, sums, samples or executions show that they existed. */
import { isNeverSent } from '../../core/metrics/failure-reasons';
import type { Inputs } from './inputs';
import type { Interval } from '../report';

const ALWAYS: Interval = { from: -Infinity, to: Infinity };
const MAX_GAPS = 10_000;

/** Call it after reading records, clients, generators and events. */
export function findGaps(inputs: Inputs): void {
  const { records, clients, generators } = inputs;
  // Several files may have records of one client.
  for (const tasks of new Set(records.flatMap((run) => [...run.clients.values()]))) {
    const holes = tasks.gaps();
    const betweenCount = holes.reduce((sum, { count }) => sum + count, 0);
    const lostCount = Math.max(0, (tasks.saidCount ?? 0) - tasks.successCount - tasks.failedCount);
    const shownCount = betweenCount + tasks.executedAfter();
    inputs.missingRecords += Math.max(shownCount, lostCount);
    inputs.gaps.push(...holes.map(({ from, to }) => ({ from, to })));
    if (Math.max(shownCount, lostCount) > betweenCount) inputs.gaps.push({ from: tasks.lastDueMs, to: Infinity });
  }
  const unrecorded =
    generators.reduce((sum, { fold }) => sum + fold.sent, 0) - sentCount(inputs) - inputs.missingRecords;
  if (unrecorded > 0) {
    const lasts = records.flatMap((run) => [...run.clients.values()].map(({ lastDueMs }) => lastDueMs));
    inputs.missingRecords += unrecorded;
    inputs.gaps.push({ from: lasts.reduce((least, ms) => Math.min(least, ms), Infinity), to: Infinity });
  }
  // A client without records tells only its sums.
  if (clients.length > 0 || inputs.gaps.length > MAX_GAPS) inputs.gaps = [ALWAYS];
}

/** Returns the most requests that can have been sent, by records and sums. */
function sentCount({ records, clients }: Inputs): number {
  const neverSent = [...records, ...clients].flatMap(({ reasons }) =>
    [...reasons].filter(([reason]) => isNeverSent(reason)),
  );
  // Some of the `unsent` had begun to be sent when the run was stopped.
  const recorded = records.reduce((sum, { columns }) => sum + columns.count, 0);
  const summed = clients.reduce((sum, { successful, failed }) => sum + successful + failed, 0);
  return recorded + summed - neverSent.reduce((sum, [, count]) => sum + count, 0);
}
