import * as fc from 'fast-check';
import { WaitingLine } from '../../../src/server/member/waiting-line';

function ask(
  line: WaitingLine,
  client: string,
  freePlaces: number,
  msPerTask: number,
  nowMs: number,
  waitedMs?: number,
): number | null {
  return line.ask({ client, freePlaces, msPerTask, waitedMs }, nowMs);
}

it('lets in while there are places and nobody waits', () => {
  const line = new WaitingLine();
  expect([ask(line, 'a', 1, 10, 0), ask(line, 'b', 2, 10, 0), line.size]).toEqual([null, null, 0]);
});

it('whoever was sent away first is let in first', () => {
  const line = new WaitingLine();
  for (const client of ['a', 'b', 'c']) expect(ask(line, client, 0, 100, 0)).not.toBeNull();
  expect(ask(line, 'newcomer', 1, 100, 50)).not.toBeNull();
  expect(ask(line, 'b', 1, 100, 60)).not.toBeNull();
  expect(ask(line, 'a', 1, 100, 60)).toBeNull();
  expect(ask(line, 'b', 1, 100, 70)).toBeNull();
});

it('one that does not come again does not hold up the others, and has its place if it comes late', () => {
  const line = new WaitingLine();
  const retryMs = ask(line, 'gone', 0, 100, 0)!;
  ask(line, 'b', 0, 100, 0);
  expect(ask(line, 'b', 1, 100, retryMs + 1000)).not.toBeNull();
  expect(ask(line, 'b', 1, 100, retryMs + 1001)).toBeNull();
  expect(ask(line, 'c', 0, 100, retryMs + 1001)).not.toBeNull();
  expect(ask(line, 'gone', 1, 100, retryMs + 1002)).toBeNull();
  ask(line, 'gone', 0, 100, 5000);
  ask(line, 'd', 0, 100, 60_000);
  expect(line.size).toBe(1);
});

it('says later the longer the line is, within limits', () => {
  const line = new WaitingLine();
  const told = Array.from({ length: 1000 }, (_, index) => ask(line, `${index}`, 0, 20, 0)!);
  expect(told.every((ms, index) => ms >= (told[index - 1] ?? 0))).toBe(true);
  expect(told[0]).toBe(50);
  expect(told[999]).toBe(4995);
});

it('one whose task failed has its place again, three times, and one that was served goes to the end', () => {
  const line = new WaitingLine();
  for (const client of ['a', 'b', 'c']) ask(line, client, 0, 100, 0, 0);
  for (const nowMs of [100, 200, 300]) {
    expect(ask(line, 'a', 1, 100, nowMs, nowMs)).toBeNull();
    expect(ask(line, 'b', 0, 100, nowMs, nowMs)).not.toBeNull();
  }
  expect(ask(line, 'a', 1, 100, 400, 400)).not.toBeNull();
  expect(ask(line, 'b', 1, 100, 410, 410)).toBeNull();
  // It says that it has waited since its success, or nothing, like older clients.
  expect(ask(line, 'b', 1, 100, 500, 50)).not.toBeNull();
  expect(ask(line, 'c', 1, 100, 510)).toBeNull();
  expect(ask(line, 'c', 1, 100, 600)).not.toBeNull();
});

it('one whose connection was closed holds up nobody, and has its place if it comes over another one', () => {
  const line = new WaitingLine();
  const from = (client: string, connId: number | undefined, freePlaces: number, nowMs: number): number | null =>
    line.ask({ client, connId, freePlaces, msPerTask: 100 }, nowMs);
  for (const [connId, client] of ['a', 'b', 'c'].entries()) from(client, connId, 0, 0);
  from('a', 7, 0, 10);
  line.connClosed(0);
  expect(from('c', 2, 2, 20)).not.toBeNull();
  from('a', undefined, 0, 25);
  line.connClosed(7);
  expect(from('c', 2, 2, 30)).toBeNull();
  expect(from('a', 8, 1, 40)).toBeNull();
});

/**
 * Clients that come as they are told, more or less, with one place that becomes free at every `taskMs`; of the tasks
 * that are let in, a share `failing` end without success, after five times
 * as long. Counts successes.
 */
function serve(clients: number, taskMs: number, failing: number, random: () => number): number[] {
  const line = new WaitingLine();
  const counts = new Array<number>(clients).fill(0);
  const sinceMs = new Array<number>(clients).fill(0);
  const nextMs = counts.map(() => random() * 10);
  let places = 10;
  for (let nowMs = 0; nowMs < 40 * clients * taskMs; nowMs++) {
    if (nowMs % taskMs === 0) places = Math.min(10, places + 1);
    for (let client = 0; client < clients; client++) {
      if (nowMs < nextMs[client]!) continue;
      const retryMs = ask(line, String(client), places, taskMs, nowMs, nowMs - sinceMs[client]!);
      let thenMs = 5 * taskMs;
      if (retryMs !== null) thenMs = retryMs * (0.75 + random() / 2);
      else {
        places -= 1;
        if (random() >= failing) {
          counts[client]! += 1;
          thenMs = 5;
          sinceMs[client] = nowMs + thenMs;
        }
      }
      nextMs[client] = nowMs + thenMs;
    }
  }
  return counts;
}

test('every client has its share of successes, also if tasks fail, and few places stay free', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 11, max: 60 }),
      fc.integer({ min: 5, max: 60 }),
      fc.constantFrom(0, 0.3),
      fc.nat(),
      (clients, taskMs, failing, seed) => {
        let state = seed + 1;
        const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
        const counts = serve(clients, taskMs, failing, random);
        const total = counts.reduce((a, b) => a + b);
        const jain = total ** 2 / (clients * counts.reduce((a, b) => a + b * b, 0));
        expect(jain).toBeGreaterThan(0.95);
        expect(total).toBeGreaterThan(0.85 * (1 - failing) * 40 * clients);
      },
    ),
    { numRuns: 20 },
  );
});
