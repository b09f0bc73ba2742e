import { check, violations } from '../../src/check/check';
import { ruleResult, type RuleResult } from '../../src/core/rule-result';
import { checkPrompt } from './prompt-check';
import type { World } from './world';

/** Returns the rules that a world violated: S1 to S8, and those that only a simulator can judge. */
export function judge(world: World): RuleResult[] {
  return violations([...check(world.history()), checkPrompt(world)].map((result) => asInjected(result, world)));
}

/** S6 tells of each wrong carrier: those of servers that were made to send such are no fault of the product. */
function asInjected(result: RuleResult, { corrupted }: World): RuleResult {
  if (result.rule !== 'S6' || result.verdict !== false) return result;
  const isInjected = (problem: string): boolean =>
    [...corrupted].some((id) => problem.endsWith(`wrong bytes came back from server ${id}`));
  return ruleResult(
    'S6',
    result.problems.filter((problem) => !isInjected(problem)),
  );
}
