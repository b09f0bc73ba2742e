/** The effects of an Attempt, its result, and the reasons why a send fails. */
import type { FailureReason, UndecidedReason } from '../../core/metrics/record';

export type AttemptEffect =
  | { type: 'ask'; askId: number; address: string; excludedIds: number[]; timeoutMs: number }
  | { type: 'send'; sendId: number; address: string; timeoutMs: number; leaderId: number | null }
  /** The response of this send is no longer wanted. */
  | { type: 'cancel'; sendId: number; address: string }
  | { type: 'ack'; sendId: number; address: string }
  /** Ask the server for a sign of life. */
  | { type: 'ping'; address: string }
  | { type: 'finish'; result: AttemptResult };

export interface AttemptResult {
  success: boolean;
  /** Nobody can judge it, because this process stood still meanwhile. */
  undecided: boolean;
  failureReason: FailureReason | UndecidedReason | null;
  /** The server whose response won, or the last one that the task was sent to. */
  serverAddress: string | null;
  retryCount: number;
  hedged: boolean;
  term: number;
}

/** The reason why a send ended without a carrier. */
export type SendFailure =
  | { kind: 'lost' } // refused, closed, reset
  | { kind: 'broken'; message: string } // the response breaks the protocol
  /** The server refused it for now: overloaded, starting, leaving. It may have said when to come again. */
  | { kind: 'busy'; retryAfterMs?: number }
  | { kind: 'error'; message: string }; // the task itself is at fault
