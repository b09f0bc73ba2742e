/** The reasons for which requests fail, in a form short enough for files and few enough to count. */
import { printable } from '../printable';
import type { FailureReason } from './record';

/** A carrier does not hold the secret that was sent. */
export const VERIFICATION_FAILED = 'Verification failed';

/** Stands for a request without a record: others show that it existed. */
export const NO_RECORD = 'No record';

const NEVER_SENT = 'Never sent: no client was free for ';

/** Returns the reason of a request that waited for a free client for as long as it may, and was not sent. */
export function neverSent(waitMs: number): FailureReason {
  return `${NEVER_SENT}${waitMs / 1000}s` as FailureReason;
}

export function isNeverSent(reason: string): boolean {
  return reason.startsWith(NEVER_SENT);
}

/** Counts the requests that were never sent, among failures by reason. */
export function neverSentIn(reasons: Iterable<readonly [string, number]>): number {
  let sum = 0;
  for (const [reason, count] of reasons) if (isNeverSent(reason)) sum += count;
  return sum;
}

/** The reasons that contain neither a number nor text from a server. */
export const FIXED_REASONS: readonly string[] = [
  'Connection refused',
  'Server unavailable during reassignment polling',
  'No leader available',
  'Server overloaded',
  VERIFICATION_FAILED,
] satisfies FailureReason[];

/** Stands for the reasons beyond a limit: servers word their own, and may vary them each time. */
export const OTHER_REASONS = 'Other reasons';

/** Longer than any that a client writes. */
const MAX_REASON_CHARS = 250;

export function isFixedReason(reason: string): boolean {
  return FIXED_REASONS.includes(reason);
}

/**
 * Returns a reason read from a file in the form that is kept: short, on one line, with nothing that a terminal
 * interprets.
 */
export function keptReason(reason: string): string {
  return printable(reason, MAX_REASON_CHARS);
}
