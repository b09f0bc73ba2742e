import { seededRandom } from '../../src/core/random';
import type { RuleResult } from '../../src/core/rule-result';
import { settleMs } from '../../src/check/history';
import { judge } from './judge';
import { RandomFaults } from './random-faults';
import { randomSettings } from './random-world';
import { settingsOf } from './settings';
import { performStep } from './steps';
import { World } from './world';

/** Faults that the product does not survive yet, and rules that it breaks: each leaves this list with its repair. */
export const KNOWN: readonly string[] = [];

export interface SimResult {
  seed: number;
  violations: RuleResult[];
  world: World;
  /** The run as a scenario. */
  script: string[];
  crash: unknown;
}

/** Runs a random cluster with random faults, heals everything, and then checks the rules. */
export function simulate(seed: number, known: readonly string[] = KNOWN): SimResult {
  const random = seededRandom(seed * 7919 + 1);
  const script = randomSettings(seed, random);
  const world = new World(settingsOf(script));
  const result: SimResult = { seed, violations: [], world, script, crash: null };
  const act = (steps: readonly string[]): void => {
    for (const step of steps) {
      script.push(`at ${world.queue.nowMs} ${step}`);
      performStep(world, step);
    }
  };
  try {
    world.start();
    finish(world, new RandomFaults(world, random, (kind) => known.includes(kind), act).run());
    result.violations = judge(world).filter(({ rule }) => !known.includes(rule));
  } catch (crash) {
    result.crash = crash;
  } finally {
    // After a crash as well: a replay must come as far.
    script.push(`at ${world.queue.nowMs} expect done`);
  }
  return result;
}

/** Lets the servers agree and the clients finish. */
function finish(world: World, timeMs: number): void {
  world.runUntil(timeMs + settleMs(world.history()) + 3000);
  // More time for clients that still wait for a deadline.
  for (let extra = 0; extra < 20 && !world.clients.every((client) => client.isDone); extra++) {
    world.runUntil(world.queue.nowMs + 2000);
  }
  world.runUntil(world.queue.nowMs + 3000);
  const undone = world.clients.filter((client) => !client.isDone).map((client) => client.name);
  if (undone.length > 0) throw new Error(`tasks never ended: ${undone.join(', ')}`);
}
