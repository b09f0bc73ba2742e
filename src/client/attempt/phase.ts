/** The state of an attempt, and the reason of its failure if the deadline finds it in that state. Pure. */
import type { FailureReason } from '../../core/metrics/record';

export type Phase = 'asking' | 'awaiting' | 'refused' | 'reassigning' | 'leaderless' | 'overloaded';

/**
 * Returns why the attempt failed. `isRefused`: nobody is asked, or nobody took the question; `isSent`: some server has
 * the task.
 */
export function reasonAt(
  phase: Phase,
  { isRefused, isSent }: { isRefused: boolean; isSent: boolean },
  timeout: FailureReason,
): FailureReason {
  switch (phase) {
    case 'asking':
      return isRefused ? 'Connection refused' : timeout;
    case 'refused':
      return 'Connection refused';
    case 'reassigning':
      return 'Server unavailable during reassignment polling';
    case 'leaderless':
      return isSent ? timeout : 'No leader available';
    case 'overloaded':
      return 'Server overloaded';
    case 'awaiting':
      return timeout;
  }
}
