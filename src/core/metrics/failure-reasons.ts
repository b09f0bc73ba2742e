import { printable } from '../printable';
import type { FailureReason } from './record';

/** Those in which no number and no word of a server stands. */
export const FIXED_REASONS: readonly string[] = [
  'Connection refused',
  'Server unavailable during reassignment polling',
  'No leader available',
  'Server overloaded',
  'Verification failed',
] satisfies FailureReason[];

/** What is counted of reasons beyond a limit: servers word theirs themselves, and may do so anew each time. */
export const OTHER_REASONS = 'Other reasons';

/** Longer than any that a client writes. */
const MAX_REASON_CHARS = 250;

export function isFixedReason(reason: string): boolean {
  return FIXED_REASONS.includes(reason);
}

/** A reason out of a file, as it is kept: on one line, with nothing that a terminal obeys, and short. */
export function keptReason(reason: string): string {
  return printable(reason, MAX_REASON_CHARS);
}
