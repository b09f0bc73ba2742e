/** Marks the faults that share one time and one cost, so that a reader sees which belong together. */
import type { FaultReport } from '../report';

export const SHARED_NOTE =
  'began before another fault was healed, or was not healed before another began: these share one time and one cost.';

/** Returns a mark for each fault, in the order of their starts: `*`, or `*1`, `*2` if there are several groups. */
export function sharedMarks(faults: readonly Pick<FaultReport, 'shared' | 'start' | 'end'>[]): string[] {
  let group = 0;
  let healedMs = -Infinity;
  const groups = faults.map(({ shared, start, end }) => {
    if (!shared) return 0;
    if (start >= healedMs) group += 1;
    healedMs = Math.max(start < healedMs ? healedMs : -Infinity, end ?? Infinity);
    return group;
  });
  return groups.map((each) => (each === 0 ? '' : group === 1 ? '*' : `*${each}`));
}
