import * as fc from 'fast-check';
import { WaitingLine } from '../../../src/server/member/waiting-line';

it('lets in while there are places and nobody waits', () => {
  const line = new WaitingLine();
  expect([line.ask('a', 1, 10, 0), line.ask('b', 2, 10, 0), line.size]).toEqual([null, null, 0]);
});

it('whoever was sent away first is let in first', () => {
  const line = new WaitingLine();
  for (const client of ['a', 'b', 'c']) expect(line.ask(client, 0, 100, 0)).not.toBeNull();
  expect(line.ask('newcomer', 1, 100, 50)).not.toBeNull();
  expect(line.ask('b', 1, 100, 60)).not.toBeNull();
  expect(line.ask('a', 1, 100, 60)).toBeNull();
  expect(line.ask('b', 1, 100, 70)).toBeNull();
});

it('one that does not come again does not hold up the others, and has its place if it comes late', () => {
  const line = new WaitingLine();
  const retryMs = line.ask('gone', 0, 100, 0)!;
  line.ask('b', 0, 100, 0);
  expect(line.ask('b', 1, 100, retryMs + 1000)).not.toBeNull();
  expect(line.ask('b', 1, 100, retryMs + 1001)).toBeNull();
  expect(line.ask('c', 0, 100, retryMs + 1001)).not.toBeNull();
  expect(line.ask('gone', 1, 100, retryMs + 1002)).toBeNull();
  line.ask('gone', 0, 100, 5000);
  line.ask('d', 0, 100, 60_000);
  expect(line.size).toBe(1);
});

it('says later the longer the line is, within limits', () => {
  const line = new WaitingLine();
  const told = Array.from({ length: 1000 }, (_, index) => line.ask(`${index}`, 0, 20, 0)!);
  expect(told.every((ms, index) => ms >= (told[index - 1] ?? 0))).toBe(true);
  expect(told[0]).toBe(50);
  expect(told[999]).toBe(4995);
});

/** Clients that come as they are told, more or less, with one place that becomes free at every `taskMs`. */
function serve(clients: number, taskMs: number, random: () => number): number[] {
  const line = new WaitingLine();
  const counts = new Array<number>(clients).fill(0);
  const nextMs = counts.map(() => random() * 10);
  let places = 10;
  for (let nowMs = 0; nowMs < 40 * clients * taskMs; nowMs++) {
    if (nowMs % taskMs === 0) places = Math.min(10, places + 1);
    for (let client = 0; client < clients; client++) {
      if (nowMs < nextMs[client]!) continue;
      const retryMs = line.ask(String(client), places, taskMs, nowMs);
      if (retryMs === null) {
        counts[client]! += 1;
        places -= 1;
      }
      nextMs[client] = nowMs + (retryMs ?? 5) * (0.75 + random() / 2);
    }
  }
  return counts;
}

test('every client has its share, and few places stay free', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 11, max: 60 }),
      fc.integer({ min: 5, max: 60 }),
      fc.nat(),
      (clients, taskMs, seed) => {
        let state = seed + 1;
        const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
        const counts = serve(clients, taskMs, random);
        const total = counts.reduce((a, b) => a + b);
        const jain = total ** 2 / (clients * counts.reduce((a, b) => a + b * b, 0));
        expect(jain).toBeGreaterThan(0.95);
        expect(total).toBeGreaterThan(0.9 * 40 * clients);
      },
    ),
    { numRuns: 20 },
  );
});
