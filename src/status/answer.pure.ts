/** The answers of servers to a status query. */
import type { Answer } from '../core/transport/ask-status';
import type { StatusFields } from '../core/protocol';

export type { Answer };

/** Returns the answers that carry a status. */
export function answered(answers: readonly Answer[]): { address: string; status: StatusFields }[] {
  return answers.filter((answer) => 'status' in answer);
}
