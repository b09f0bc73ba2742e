import type { StatusFields } from '../core/protocol';
import type { Answer } from './answer';
import type { Verdict } from './verdict';

/** The output of `cloudp2p status --json`. */
export interface StatusReport {
  agreed: boolean;
  verdict: string;
  leader_id: number | null;
  term: number | null;
  /** `asked`: the address that was asked; `address` is the one that the server reports. */
  servers: (({ asked: string; answered: true } & StatusFields) | { asked: string; answered: false; reason: string })[];
}

/** Makes the report of one round. */
export function reportOf(answers: readonly Answer[], verdict: Verdict): StatusReport {
  return {
    agreed: verdict.agreed,
    verdict: verdict.text,
    leader_id: verdict.leaderId,
    term: verdict.term,
    servers: answers.map((answer) =>
      'status' in answer
        ? { asked: answer.address, answered: true, ...answer.status }
        : { asked: answer.address, answered: false, reason: answer.failure },
    ),
  };
}
