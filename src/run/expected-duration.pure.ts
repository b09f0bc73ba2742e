/** Predicts how long the load of a run takes. */
import type { RunConfig } from '../config/run-config';
import { planFaults, timetable } from '../faults/plan';

/** Returns the duration of the load, as if the faults themselves took no time. */
export function expectedMs({ servers, faults }: Pick<RunConfig, 'servers' | 'faults'>): number {
  const ids = Array.from({ length: servers }, (_, index) => index + 1);
  const plan = planFaults(ids, faults.spec);
  return faults.firstMs + (timetable(plan).at(-1)?.healedMs ?? 0) + faults.spec.intervalMs;
}
