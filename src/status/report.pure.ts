/** The output of `cloudp2p status --json`. */
import type { StatusFields } from '../core/protocol';
import type { Agreement } from './agreement.pure';
import type { Answer } from './answer.pure';

export interface StatusReport {
  agreed: boolean;
  verdict: string;
  leader_id: number | null;
  term: number | null;
  /** `asked`: the address that was asked; `address` is the one that the server reports. */
  servers: (({ asked: string; answered: true } & StatusFields) | { asked: string; answered: false; reason: string })[];
}

/** Makes the report of one round. */
export function reportOf(answers: readonly Answer[], agreement: Agreement): StatusReport {
  return {
    agreed: agreement.agreed,
    verdict: agreement.text,
    leader_id: agreement.leaderId,
    term: agreement.term,
    servers: answers.map((answer) =>
      'status' in answer
        ? { asked: answer.address, answered: true, ...answer.status }
        : { asked: answer.address, answered: false, reason: answer.failure },
    ),
  };
}
