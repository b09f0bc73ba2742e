import { checkAgreement, checkOneLeader, checkStability } from './leadership-checks';
import { checkCrashSeen } from './crash-check';
import type { History, Verdict } from './history';
import { withoutLeftOut } from './left-out';
import { checkAssignments, checkDeadlines, checkLedgers, checkResults } from './task-checks';

/**
 * Judges S1 to S8 over the event records of a run. Pure, and the same for the simulator and for the files of real
 * processes, so that both are held to one reading of the rules.
 */
export function check(history: History): Verdict[] {
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
  return verdicts.map((verdict) => withoutLeftOut(history, verdict));
}

/** The rules that a run broke. */
export function violations(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.filter(({ verdict }) => verdict === false);
}
