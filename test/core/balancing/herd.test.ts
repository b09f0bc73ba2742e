import { pickServer } from '../../../src/core/balancing/balancer';
import { type Random } from '../../../src/core/environment';
import { seededRandom } from '../../../src/core/random';

const SERVERS = 3;
const SERVICE_MS = 45;
const UTILISATION = 0.7;
const HEARTBEAT_MS = 1000;
const TASKS = 20_000;

interface Server {
  id: number;
  /** The end times of its tasks, in order: one worker, first come first served. */
  ends: number[];
  /** The load in its last Heartbeat. */
  toldLoad: number;
  lastAssigned: number;
}

type Choice = (servers: Server[], random: Random) => number;

const argminOfTold: Choice = (servers) =>
  servers.reduce((best, each) => (each.toldLoad < best.toldLoad ? each : best)).id;

const twoChoicesOfTold: Choice = (servers, random) => {
  const first = servers[Math.floor(random() * SERVERS)]!;
  const others = servers.filter((each) => each !== first);
  const second = others[Math.floor(random() * others.length)]!;
  return (second.toldLoad < first.toldLoad ? second : first).id;
};

const ownOutstanding: Choice = (servers) =>
  pickServer(
    servers.map(({ id, ends, lastAssigned }) => ({
      id,
      workers: 1,
      outstanding: ends.length,
      recent: 0,
      lastAssigned,
    })),
  )!;

const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

/** Mean latency of tasks with random arrivals on three servers at 70 % utilization. */
function meanLatencyMs(choose: Choice, seed: number): number {
  const random = seededRandom(seed);
  const servers: Server[] = Array.from({ length: SERVERS }, (_, index) => ({
    id: index + 1,
    ends: [],
    toldLoad: 0,
    lastAssigned: 0,
  }));
  let nowMs = 0;
  let nextBeatMs = HEARTBEAT_MS;
  let totalMs = 0;
  for (let task = 1; task <= TASKS; task++) {
    nowMs += exponential(random, SERVICE_MS / SERVERS / UTILISATION);
    for (; nextBeatMs <= nowMs; nextBeatMs += HEARTBEAT_MS) {
      for (const each of servers) each.toldLoad = each.ends.filter((endMs) => endMs > nextBeatMs).length;
    }
    for (const each of servers) each.ends = each.ends.filter((endMs) => endMs > nowMs);
    const server = servers[choose(servers, random) - 1]!;
    const endMs = Math.max(nowMs, server.ends.at(-1) ?? 0) + exponential(random, SERVICE_MS);
    server.ends.push(endMs);
    server.lastAssigned = task;
    totalMs += endMs - nowMs;
  }
  return totalMs / TASKS;
}

test.each([1, 2, 3])('seed %i: choosing by the last heartbeat herds, choosing by own counts does not', (seed) => {
  const argminMs = meanLatencyMs(argminOfTold, seed);
  const twoChoicesMs = meanLatencyMs(twoChoicesOfTold, seed);
  const ownMs = meanLatencyMs(ownOutstanding, seed);
  expect(ownMs * 1.5).toBeLessThan(twoChoicesMs);
  expect(twoChoicesMs * 1.5).toBeLessThan(argminMs);
});
