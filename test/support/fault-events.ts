import type { ClockLine, FaultEvent } from '../../src/core/metrics/record';

/** The fault in a line of fault_events.ndjson; none for a line about the clock. */
export function faultIn(line: string): FaultEvent[] {
  const event = JSON.parse(line) as FaultEvent | ClockLine;
  return 'event' in event ? [] : [event];
}
