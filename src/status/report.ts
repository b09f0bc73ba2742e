import type { StatusFields } from '../core/protocol';
import type { Answer } from './answer';
import type { Verdict } from './verdict';

/** What `cloudp2p status --json` prints. */
export interface StatusReport {
  agreed: boolean;
  verdict: string;
  leader_id: number | null;
  term: number | null;
  /** `asked`: the address that was asked; a server calls itself by `address`. */
  servers: (({ asked: string; answered: true } & StatusFields) | { asked: string; answered: false; reason: string })[];
}

/** The report of one round of asking. */
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
