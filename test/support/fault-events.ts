import type { ClockLine, FaultEvent } from '../../src/core/metrics/record';

/** The fault of a line of fault_events.ndjson; none of a line that tells of the clock. */
export function faultIn(line: string): FaultEvent[] {
  const event = JSON.parse(line) as FaultEvent | ClockLine;
  return 'event' in event ? [] : [event];
}
