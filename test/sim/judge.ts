import { check, violations } from '../../src/check/check';
import type { History } from '../../src/check/history';
import { wrongCarriersOf } from '../../src/core/metrics/wrong-carriers';
import type { RuleResult } from '../../src/core/rule-result';
import { checkPrompt } from './prompt-check';
import { checkWaste } from './waste-check';
import type { World } from './world';

/** Returns the rules that a world violated: S1 to S8, and those that only a simulator can judge. */
export function judge(world: World): RuleResult[] {
  return violations([...check(withoutInjected(world)), checkPrompt(world), checkWaste(world)]);
}

/** S6 tells of each wrong carrier: those of servers that were made to send such are no fault of the product. */
function withoutInjected(world: World): History {
  const history = world.history();
  const requests = history.requests.map((record) => ({
    ...record,
    wrong_carriers: wrongCarriersOf(record).filter((id) => id === null || !world.corrupted.has(id)),
  }));
  return { ...history, requests };
}
