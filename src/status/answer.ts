import type { StatusFields } from '../core/protocol';

/** What came of asking one server: its status, or why there is none. */
export type Answer = { address: string; status: StatusFields } | { address: string; failure: string };

/** The answers that carry a status. */
export function answered(answers: readonly Answer[]): { address: string; status: StatusFields }[] {
  return answers.filter((answer) => 'status' in answer);
}
