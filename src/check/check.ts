/**
 * Checks the rules S1 to S8 (docs/rules.md) over the event records of a run. Pure, and shared by the simulator and the
 * files of real processes, so that both follow the same reading of the rules.
 */
import type { RuleResult } from '../core/rule-result';
import { checkAgreement } from './agreement-check';
import { checkOneLeader, checkStability } from './leadership-checks';
import { checkCrashSeen } from './crash-check';
import { checkDeadlines } from './deadline-check';
import type { History } from './history';
import { withoutMissing } from './left-out';
import { checkLedgers } from './ledger-check';
import { checkAssignments, checkResults } from './task-checks';

/** Returns the results of the eight rules, in their order. */
export function check(history: History): RuleResult[] {
  const verdicts = [
    checkOneLeader(history),
    checkAgreement(history),
    checkCrashSeen(history),
    checkAssignments(history),
    checkDeadlines(history),
    checkResults(history),
    checkLedgers(history),
    checkStability(history),
  ];
  return verdicts.map((verdict) => withoutMissing(history, verdict));
}

/** Returns the rules that a run violated. */
export function violations(verdicts: readonly RuleResult[]): RuleResult[] {
  return verdicts.filter(({ verdict }) => verdict === false);
}
