import * as fc from 'fast-check';
import { type BalancerCandidate, pickServer } from '../../../src/core/balancing/balancer';
import { seededRandom } from '../../../src/core/random';

const server = (id: number, outstanding: number, workers = 1, lastAssigned = 0, recent = 0): BalancerCandidate => ({
  id,
  outstanding,
  workers,
  recent,
  lastAssigned,
});

it.each<[string, BalancerCandidate[], number | null]>([
  ['nobody, where there is nobody', [], null],
  ['the only one, however full', [server(7, 1000)], 7],
  ['the fewest outstanding', [server(1, 3), server(2, 2), server(3, 4)], 2],
  ['the fewest per worker, not the fewest', [server(1, 3, 1), server(2, 8, 4)], 2],
  ['an equal ratio is a tie, whatever a division would make of it', [server(1, 1, 3, 5), server(2, 3, 9, 4)], 2],
  ['of a tie the one assigned to longest ago', [server(1, 2, 1, 9), server(2, 2, 1, 3), server(3, 2, 1, 7)], 2],
  ['of a tie the one never assigned to', [server(1, 0, 1, 1), server(2, 0, 1, 0)], 2],
  ['of near ones the one given the fewest lately', [server(1, 1, 2, 1, 40), server(2, 2, 2, 9, 30)], 2],
  [
    'the one with a task per worker less, whatever it was given lately',
    [server(1, 0, 1, 9, 40), server(2, 1, 1, 1, 2)],
    1,
  ],
  ['the ratio first, then how long ago', [server(1, 1, 1, 1), server(2, 0, 1, 99)], 2],
])('picks %s', (_, candidates, expected) => {
  expect(pickServer(candidates)).toBe(expected);
});

test('no server has a whole task per worker less than the picked one; of equals it is the longest unused', () => {
  const candidate = fc.record({
    outstanding: fc.nat(5),
    workers: fc.integer({ min: 1, max: 4 }),
    lastAssigned: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 8 }), (given) => {
      const all = given.map((each, index) => ({ ...each, recent: 0, id: index + 1 }));
      const best = all.find(({ id }) => id === pickServer(all))!;
      for (const { outstanding, workers, lastAssigned } of all) {
        expect(best.outstanding / best.workers - outstanding / workers).toBeLessThan(1);
        const isEqual = outstanding * best.workers === best.outstanding * workers;
        if (isEqual) expect(best.lastAssigned).toBeLessThanOrEqual(lastAssigned);
      }
    }),
  );
});

/** Gives `tasks` to three servers, one every `gapMs`, each taking a random time; returns how many each got. */
function shares(tasks: number, gapMs: number, workers: number[]): number[] {
  const random = seededRandom(1);
  const servers = workers.map((count, index) => ({ ...server(index + 1, 0, count), got: 0, ends: [] as number[] }));
  for (let task = 1; task <= tasks; task++) {
    const nowMs = task * gapMs;
    for (const each of servers) {
      each.ends = each.ends.filter((endMs) => endMs > nowMs);
      each.outstanding = each.ends.length;
    }
    const picked = servers.find(({ id }) => id === pickServer(servers))!;
    picked.got += 1;
    picked.lastAssigned = task;
    picked.ends.push(nowMs + 10 + random() * 90);
  }
  return servers.map(({ got }) => got);
}

it.each([
  ['hardly any load', 200],
  ['a third of it', 50],
  ['ten tasks at once', 5],
])('10,000 tasks at %s are shared within 1 %%', (_, gapMs) => {
  for (const got of shares(10_000, gapMs, [4, 4, 4])) expect(Math.abs(got / (10_000 / 3) - 1)).toBeLessThan(0.01);
});

it('a server with more workers gets a larger share of a heavy load', () => {
  const [one, two, five] = shares(10_000, 2, [1, 2, 5]);
  expect(two! / one!).toBeGreaterThan(1.5);
  expect(five! / one!).toBeGreaterThan(3);
});
