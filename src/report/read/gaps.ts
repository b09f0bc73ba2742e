/** Finds requests without a record: others, or the client's own sums, show that they existed. */
import type { Inputs } from './inputs';
import type { Interval } from '../report';

const ALWAYS: Interval = { from: -Infinity, to: Infinity };
const MAX_GAPS = 10_000;

/** Call it after reading records and clients. */
export function findGaps(inputs: Inputs): void {
  const { records, clients } = inputs;
  // Several files may have records of one client.
  for (const tasks of new Set(records.flatMap((run) => [...run.clients.values()]))) {
    const holes = tasks.gaps();
    const betweenCount = holes.reduce((sum, { count }) => sum + count, 0);
    const lostCount = Math.max(0, (tasks.saidCount ?? 0) - tasks.successCount - tasks.failedCount);
    inputs.missingRecords += Math.max(betweenCount, lostCount);
    inputs.gaps.push(...holes.map(({ from, to }) => ({ from, to })));
    if (lostCount > betweenCount) inputs.gaps.push({ from: tasks.lastDueMs, to: Infinity });
  }
  // Of a client without records, only the sums are known.
  if (clients.length > 0 || inputs.gaps.length > MAX_GAPS) inputs.gaps = [ALWAYS];
}
