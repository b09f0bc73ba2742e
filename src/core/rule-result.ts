/** The results of checking the rules S1 to S8 (docs/rules.md), as checks, runs and reports exchange them. */

/** The result of one rule of the cluster over a history, simulated or read from the files of a run. */
export interface RuleResult {
  /** S1 to S8. */
  rule: string;
  verdict: boolean | 'unknown';
  /** The violations with their times, or the reason for `unknown`. Empty if the rule holds. */
  problems: string[];
}

/** The most problems reported. */
const MAX_PROBLEMS = 20;

/** Returns the result of a rule that was checked: without problems, it holds. */
export function ruleResult(rule: string, problems: string[]): RuleResult {
  return { rule, verdict: problems.length === 0, problems: problems.slice(0, MAX_PROBLEMS) };
}
