import { check, violations } from '../../src/check/check';
import type { Random } from '../../src/core/environment';
import { seededRandom } from '../../src/core/random';
import type { RuleResult } from '../../src/core/rule-result';
import type { Timings } from '../../src/server/member/effects';
import { World, type WorldOptions } from './scenario';

/** The longest delay of a message without a fault in these worlds, including late dials. */
const ONE_WAY_MS = 10;
const FAULTS_START_MS = 1500;

export interface SimResult {
  seed: number;
  violations: RuleResult[];
  world: World;
  crash: unknown;
}

/** Runs a random cluster with random faults, heals everything, and then checks the rules. */
export function simulate(seed: number): SimResult {
  const random = seededRandom(seed * 7919 + 1);
  const world = new World(randomOptions(seed, random));
  try {
    run(world, random);
    return { seed, violations: violations(check(world.history(ONE_WAY_MS))), world, crash: null };
  } catch (crash) {
    return { seed, violations: [], world, crash };
  }
}

function run(world: World, random: Random): void {
  startTogether(world, random);
  world.startClients();
  let timeMs = FAULTS_START_MS;
  const rounds = 1 + Math.floor(random() * 4);
  for (let round = 0; round < rounds; round++) timeMs = faultRound(world, random, timeMs);
  const settleMs = world.timings.failureTimeoutMs + world.timings.electionTimeoutMs + 2 * world.timings.heartbeatMs;
  world.runUntil(timeMs + settleMs + 3000);
  // More time for clients that still wait for a deadline.
  for (let extra = 0; extra < 20 && !world.clients.every((client) => client.isDone); extra++) {
    world.runUntil(world.queue.nowMs + 2000);
  }
  world.runUntil(world.queue.nowMs + 3000);
  const undone = world.clients.filter((client) => !client.isDone).map((client) => client.name);
  if (undone.length > 0) throw new Error(`tasks never ended: ${undone.join(', ')}`);
}

/** Starts the servers together or one by one, sometimes one much later. */
function startTogether(world: World, random: Random): void {
  const spreadMs = pick(random, [0, 1, 100, 800]);
  for (const id of world.serverIds) world.queue.after(random() * spreadMs, () => world.startServer(id));
  world.runUntil(spreadMs + 1);
}

function faultRound(world: World, random: Random, startMs: number): number {
  world.runUntil(startMs);
  const heals: { atMs: number; run: () => void }[] = [];
  const count = 1 + Math.floor(random() * random() * 3.5);
  let timeMs = startMs;
  const busy = new Set<number>();
  for (let index = 0; index < count; index++) {
    const leaderId = world.leaderId();
    const id = leaderId !== null && random() < 0.5 ? leaderId : pick(random, world.serverIds);
    if (busy.has(id)) continue;
    busy.add(id);
    const heal = breakServer(world, random, id);
    const durationMs = pick(random, [1, 20, 300, 1200, 2500, 3500, 6000, 12_000]) * (0.7 + 0.6 * random());
    if (heal) heals.push({ atMs: timeMs + durationMs, run: heal });
    timeMs += pick(random, [0, 0.5, 30, 1500]) * random();
    if (index + 1 < count) world.runUntil(timeMs);
  }
  heals.sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, run } of heals) {
    world.runUntil(Math.max(atMs, world.queue.nowMs));
    run();
  }
  return world.queue.nowMs + pick(random, [10, 500, 2500, 9000]) * random();
}

/** Injects a fault into one server; returns a function that heals it, or null. */
function breakServer(world: World, random: Random, id: number): (() => void) | null {
  const kind = pick(random, ['kill', 'kill', 'terminate', 'pause', 'pause', 'partition', 'partition', 'slow', 'drop']);
  switch (kind) {
    case 'kill':
      world.kill(id);
      return () => world.restart(id);
    case 'terminate':
      world.terminate(id);
      return () => {
        if (world.servers.get(id)!.alive) world.servers.get(id)!.kill();
        world.restart(id);
      };
    case 'pause':
      world.pause(id);
      return () => world.resume(id);
    case 'partition':
      world.partition(id, someOthers(world, random, id), pick(random, ['silent', 'reset']), randomDirection(random));
      return () => world.heal(id);
    case 'slow':
      world.slowDown(
        id,
        pick(random, [0, 0.02, 0.2]) * random() * world.timings.heartbeatMs,
        pick(random, [0, 0.05, 0.2]),
      );
      return () => world.heal(id);
    default:
      world.dropLinks(id, pick(random, world.serverIds));
      return null;
  }
}

/** All others, only servers, or some of them: partial cuts leave networks in which not all can reach each other. */
function someOthers(world: World, random: Random, id: number): string[] {
  const others = world.others(id);
  const servers = others.filter((name) => name.startsWith('server'));
  const how = pick(random, ['all', 'servers', 'some', 'one']);
  if (how === 'all') return others;
  if (how === 'servers') return servers;
  if (how === 'one') return [pick(random, servers)];
  const some = others.filter(() => random() < 0.5);
  return some.length > 0 ? some : servers;
}

function randomDirection(random: Random): 'both' | 'in' | 'out' {
  return random() < 0.6 ? 'both' : pick(random, ['in', 'out']);
}

function randomOptions(seed: number, random: Random): WorldOptions {
  const timings = pick<Timings>(random, [
    { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    { heartbeatMs: 300, failureTimeoutMs: 1000, electionTimeoutMs: 500 },
  ]);
  return {
    seed,
    servers: pick(random, [2, 3, 3, 3, 4, 5]),
    clients: 1 + Math.floor(random() * 4),
    tasksPerClient: 5 + Math.floor(random() * 20),
    thinkMs: pick(random, [20, 200, 800]),
    timings,
    baseDelayMs: pick(random, [0.05, 0.3, 2]),
    serviceMs: pick(random, [1, 10, 80]),
    workers: pick(random, [1, 2, 4]),
    queueLimit: pick(random, [1, 4, 128]),
    maxDrift: 0.002,
    maxLateDialMs: 200,
  };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}
