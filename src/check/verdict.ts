import type { Verdict } from './history';

/** The most problems reported. */
const MAX_PROBLEMS = 20;

export function verdictOf(rule: Verdict['rule'], problems: string[]): Verdict {
  return { rule, verdict: problems.length === 0, problems: problems.slice(0, MAX_PROBLEMS) };
}
