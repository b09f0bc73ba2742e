import type { Random } from '../../src/core/environment';
import { settingsOf } from './settings';

/** Returns the settings of a random world, as lines of a scenario. */
export function randomSettings(seed: number, random: Random): string[] {
  const servers = pick(random, [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10]);
  const hasBodies = random() < 0.15;
  const lines = [
    `seed ${seed}`,
    `servers ${servers}`,
    `start ${starts(random, servers).join(' ')}`,
    ...timings(random, servers, hasBodies),
    ...load(random, hasBodies),
    `delay ${pick(random, [0.05, 0.3, 2])}`,
    'late-dial 200',
    'drift 0.002',
    `workers ${pick(random, [1, 2, 4])}`,
    `queue ${pick(random, [1, 4, 128])}`,
    `backlog ${pick(random, [511, 511, 511, 64, 16])}`,
    ...(hasBodies ? bodies(random) : [`service ${pick(random, [1, 10, 80])}`]),
  ];
  return hasBodies ? [...lines, `one-way ${oneWayMs(lines)}`] : lines;
}

/** A message may wait on its card behind the secrets of all clients. */
function oneWayMs(lines: readonly string[]): number {
  const { clients, inFlight, images, bandwidth } = settingsOf(lines);
  return 150 + Math.ceil((clients * inFlight * Math.max(...images)) / (bandwidth * 1000));
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

/** Together or one by one, sometimes one much later. */
function starts(random: Random, servers: number): number[] {
  const spreadMs = pick(random, [0, 1, 100, 800]);
  return Array.from({ length: servers }, () => random() * spreadMs);
}

function timings(random: Random, servers: number, hasBodies: boolean): string[] {
  // With bodies a heartbeat may have to wait for them.
  const [heartbeat, failure, election] =
    hasBodies || random() < 0.67 ? ([1000, 3000, 2000] as const) : ([300, 1000, 500] as const);
  const lines = [`timings ${heartbeat} ${failure} ${election}`];
  if (random() >= 0.1) return lines;
  // As while a new configuration is rolled out: no server's heartbeat is near another one's failure timeout.
  for (let id = 1; id <= servers; id++) {
    const factor = (): number => 0.8 + 0.4 * random();
    if (random() < 0.5) continue;
    const own = [heartbeat * factor(), failure * (1 + 0.5 * random()), election * factor()];
    lines.push(`timings of ${id} ${own.map((ms) => Math.round(ms)).join(' ')}`);
  }
  return lines;
}

function load(random: Random, hasBodies: boolean): string[] {
  const isMany = random() < 0.08;
  const clients = isMany ? 10 + Math.floor(random() * 41) : 1 + Math.floor(random() * 4);
  const tasks = (isMany ? 2 : 5) + Math.floor(random() * (isMany || hasBodies ? 6 : 30));
  return [
    `clients ${clients} tasks ${tasks} at once ${pick(random, [1, 1, 1, 2, 4])}`,
    `programs ${pick(random, [1, 1, 2, 3])}`,
    `think ${pick(random, [20, 200, 800])}`,
  ];
}

/** Images that take time in CPUs and on the wire. */
function bodies(random: Random): string[] {
  return [
    `images ${pick(random, ['1000', '40000', '500000', '1000 1000000', '40000 500000'])}`,
    `bandwidth ${pick(random, [20, 100, 100, 1000])}`,
    `service ${pick(random, [1, 20, 100])}`,
    `cores ${pick(random, [1, 2, 4])}`,
    `event ${pick(random, [0.02, 0.1])}`,
    'megabyte 1',
  ];
}
