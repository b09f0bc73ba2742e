import { check, violations } from '../../src/check/check';
import type { RuleResult } from '../../src/core/rule-result';
import { checkPrompt } from './prompt-check';
import type { World } from './world';

/** Returns the rules that a world violated: S1 to S8, and those that only a simulator can judge. */
export function judge(world: World): RuleResult[] {
  return violations([...check(world.history()), checkPrompt(world)]);
}
