/** Removes results that rest on times that may be wrong: these might look better than they were. */
import type { ClockDoubt } from '../read/clocks';
import type { FaultReport, Interval, Measure } from '../report';

/** The measures of a fault by the times that they rest on; all of them also rest on the fault's own time. */
const TOLD_BY: Record<'events' | 'records', readonly Measure[]> = {
  events: ['led', 'detected_first_ms', 'detected_last_ms', 'leader_first_ms', 'leader_all_ms'],
  records: ['felt_ms', 'recovered_ms', 'requests'],
};

/** Returns the fault without the measures in doubt, with the reasons. */
export function withoutDoubtful(fault: FaultReport, run: Interval, doubts: readonly ClockDoubt[]): FaultReport {
  const span = { from: fault.start, to: fault.recovered ?? run.to };
  const cleared = { ...fault, unknown: { ...fault.unknown } };
  for (const { kind, why, from, to } of doubts) {
    if (from > span.to || to < span.from) continue;
    const measures = kind === 'faults' ? [...TOLD_BY.events, ...TOLD_BY.records] : TOLD_BY[kind];
    for (const measure of measures) {
      cleared[measure] = null;
      cleared.unknown[measure] = why;
    }
  }
  return cleared;
}

/** Returns true if the times of leadership may be wrong. */
export function isLeadInDoubt(run: Interval, doubts: readonly ClockDoubt[]): boolean {
  return doubts.some(({ kind, from, to }) => kind === 'events' && from <= run.to && to >= run.from);
}
