/** The status line of a run in progress: counts, rate, p95, a request that hangs, leader and the last failure. */
import { oldestText } from '../../client/meter';

export interface RunStatus {
  doneCount: number;
  /** Undefined if a duration ends the run. */
  totalCount?: number;
  perSecond: number;
  failedCount: number;
  /** Null before the first request ended. */
  p95Ms: number | null;
  /** The age of the oldest request in flight or waiting; 0 if there is none. */
  oldestAgeMs: number;
  /** The leadership in the latest responses to clients. */
  leadership: { term: number; leaderId: number | null };
  lastReason: string;
}

/**
 * Formats `1200/100000 done, 95.2/s, 3 failed, p95 23.4 ms, oldest request 1.2 s, leader 2 (term 3), last failure:
 * Server overloaded`; the oldest request is left out while its age is usual. Pure.
 */
export function statusText(status: RunStatus): string {
  const { doneCount, totalCount, failedCount, p95Ms, lastReason } = status;
  const { term, leaderId } = status.leadership;
  return [
    `${doneCount}${totalCount === undefined ? '' : `/${totalCount}`} done`,
    `${status.perSecond.toFixed(1)}/s`,
    `${failedCount} failed`,
    `p95 ${p95Ms === null ? '-' : `${p95Ms.toFixed(1)} ms`}`,
    ...oldestText(status.oldestAgeMs),
    leaderId === null ? 'leader ?' : `leader ${leaderId} (term ${term})`,
    ...(failedCount === 0 ? [] : [`last failure: ${lastReason}`]),
  ].join(', ');
}
