/** The reasons for which a connection ends, and the socket errors behind them. */

/**
 * In this order: the other side closed or reset it; connection refused; host unreachable; connect, frame or write
 * timeout; protocol error or memory limit; closed by us; any other error.
 */
export type CloseReason = 'closed' | 'refused' | 'unreachable' | 'timeout' | 'protocol' | 'destroyed' | 'error';

const CLOSED_CODES = ['ECONNRESET', 'EPIPE', 'ECONNABORTED'];

/** Maps a socket error to its reason. A name with several addresses fails with one error for each. */
export function closeReasonOf(error: NodeJS.ErrnoException, wasOpen: boolean): CloseReason {
  const errors = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  const hasCode = (code: string): boolean => errors.some((each) => each.code === code);
  if (hasCode('ECONNREFUSED')) return 'refused';
  if (hasCode('ETIMEDOUT')) return 'timeout';
  if (!wasOpen) return 'unreachable';
  return CLOSED_CODES.some(hasCode) ? 'closed' : 'error';
}
