import { check, violations } from '../../src/check/check';
import { FAULT_GROUPS, FAULT_PATTERNS, type FaultGroup, type FaultPattern } from '../../src/config/fault-settings';
import type { FaultSpec } from '../../src/config/faults-spec';
import { FAULT_KINDS, type FaultKind } from '../../src/core/fault-kinds';
import type { StatusFields } from '../../src/core/protocol';
import { seededRandom } from '../../src/core/random';
import type { Driver, Fault, Found, ServerProcess } from '../../src/faults/driver';
import { planFaults } from '../../src/faults/plan';
import { ringOfKills } from './ring-of-kills';
import { type FaultsOutcome, runFaults } from '../../src/faults/runner';
import { Process } from '../sim/process';
import { World } from '../sim/world';
import { processOf, serverOf } from './ring-rig';

const START_MS = 300;
const LEAVE_MS = 6000;
const STEP_MS = 20;

/** Injects and heals faults in a simulated cluster, in its own time. */
class SimDriver implements Driver {
  constructor(private readonly world: World) {}

  async find(id: number): Promise<Found | null> {
    const { alive, stopped, paused } = this.world.servers.get(id)!;
    return alive && !stopped ? { ...processOf(id), isPaused: paused } : null;
  }

  async status(id: number): Promise<StatusFields | null> {
    const { alive, stopped, paused, member } = this.world.servers.get(id)!;
    if (!alive || stopped || paused) return null;
    const { election, executor } = member;
    const { term } = election.leadership;
    return { term, leader_id: election.activeLeaderId, phase: executor.phase } as StatusFields;
  }

  async inject(id: number, _process: ServerProcess, fault: Fault): Promise<string | null> {
    this.perform(id, fault);
    return null;
  }

  private perform(id: number, fault: Fault): void {
    const { world } = this;
    switch (fault.kind) {
      case 'kill':
        return world.kill(id);
      case 'pause':
        return world.pause(id);
      case 'partition':
        return world.partition(id, this.othersOf(id, fault.from), 'silent', 'both');
      case 'delay':
        return world.slowDown(id, fault.delayMs, 0);
      case 'loss':
        return world.slowDown(id, 0, fault.lossPercent / 100);
      default:
        return this.leave(id);
    }
  }

  async heal(id: number, kind: FaultKind): Promise<ServerProcess> {
    const { world } = this;
    if (kind === 'pause') world.resume(id);
    else if (kind === 'partition' || kind === 'delay' || kind === 'loss') world.heal(id);
    else {
      world.restart(id);
      this.pass(START_MS);
    }
    return processOf(id);
  }

  pass(ms: number): void {
    this.world.runUntil(this.world.queue.nowMs + ms);
  }

  private leave(id: number): void {
    const { world } = this;
    world.terminate(id);
    const server = world.servers.get(id)!;
    const endMs = world.queue.nowMs + LEAVE_MS;
    while (server.alive && !server.stopped && world.queue.nowMs < endMs) this.pass(STEP_MS);
    if (server.alive) server.kill();
  }

  private othersOf(id: number, from: 'peers' | 'clients' | 'both'): string[] {
    const isPeer = (name: string): boolean => name.startsWith('server');
    const others = this.world.others(id);
    return from === 'both' ? others : others.filter((name) => isPeer(name) === (from === 'peers'));
  }
}

/** Runs a plan with the real runner, then lets the clients finish; S1 to S8 are checked on the result. */
async function perform(seed: number, spec: FaultSpec): Promise<{ outcome: FaultsOutcome; world: World }> {
  const world = new World({ seed, servers: 3, clients: 3, tasksPerClient: 60, thinkMs: 300, maxDrift: 0.002 });
  world.start();
  world.runUntil(1500);
  const driver = new SimDriver(world);
  const outcome = await runFaults({
    plan: planFaults(world.serverIds, spec),
    pattern: spec.pattern,
    driver,
    servers: world.serverIds.map(serverOf),
    log: () => undefined,
    record: () => undefined,
    show: () => undefined,
    clock: new Process('driver', world.queue, world.random).clock,
    wait: async (ms) => driver.pass(ms),
    signal: new AbortController().signal,
  });
  world.runUntil(world.queue.nowMs + 10_000);
  for (let extra = 0; extra < 40 && !world.clients.every((client) => client.isDone); extra++) driver.pass(2000);
  world.runUntil(world.queue.nowMs + 3000);
  return { outcome, world };
}

function specOf(seed: number, pattern: FaultPattern, target: FaultGroup, kinds: readonly FaultKind[]): FaultSpec {
  const random = seededRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const isPair = target === 'majority' || (pattern === 'simultaneous' && (target === 'all' || target === 'followers'));
  return {
    ...ringOfKills({ cycles: 2, intervalMs: pick([500, 4000, 9000]), restartDelayMs: pick([300, 2500, 6000]) }),
    pattern,
    target,
    seed,
    kinds: kinds.map((kind) => ({ kind, weight: 1 })),
    count: isPair ? 2 : 1,
    partitionFrom: pick(['peers', 'clients', 'both']),
    delayMs: pick([20, 200]),
    jitterMs: 0,
    lossPercent: 10,
  };
}

const pairs = FAULT_PATTERNS.flatMap((pattern) => FAULT_GROUPS.map((target) => [pattern, target] as const));
/** Each pair with one kind, in turn, and with all kinds mixed. */
const cases = pairs.map((pair, index) => [index, ...pair, FAULT_KINDS[index % FAULT_KINDS.length]!] as const);

it.each(cases)('%i: %s at %s, %s and all kinds: healed, and S1 to S8 hold', async (index, pattern, target, kind) => {
  for (const [seed, kinds] of [
    [2 * index, [kind]],
    [2 * index + 1, FAULT_KINDS],
  ] as const) {
    const { outcome, world } = await perform(seed, specOf(seed, pattern, target, kinds));
    const found = violations(check(world.history()));
    expect({ seed, kinds, found }).toEqual({ seed, kinds, found: [] });
    expect(outcome).toMatchObject({ failed: 0, down: [], ended_early: null });
    expect(outcome.faults).toBe(outcome.healed);
    expect(outcome.faults).toBeGreaterThanOrEqual(2);
    const requests = world.clients.flatMap((client) => client.records);
    expect(requests.filter(({ success }) => success).length).toBeGreaterThan(100);
  }
});
