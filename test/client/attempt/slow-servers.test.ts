import { SlowServers } from '../../../src/client/attempt/slow-servers';

const A = 'a:1';

/** A server that was late twice at `nowMs`. */
function avoided(nowMs = 0): SlowServers {
  const slow = new SlowServers();
  slow.late(A, nowMs);
  slow.late(A, nowMs);
  return slow;
}

it('no server is avoided at first, for one late task, or for late ones among others on time', () => {
  const slow = new SlowServers();
  expect(slow.isAvoided(A, 0)).toBe(false);
  for (let round = 0; round < 10; round++) {
    slow.late(A, round);
    expect(slow.isAvoided(A, round)).toBe(false);
    slow.onTime(A);
  }
});

it('two late tasks in a row: this server is avoided for a second, no other', () => {
  const slow = avoided(100);
  expect([slow.isAvoided(A, 100), slow.isAvoided(A, 1099), slow.isAvoided(A, 1100)]).toEqual([true, true, false]);
  expect(slow.isAvoided('b:2', 100)).toBe(false);
});

it('late tasks sent before do not prolong it', () => {
  const slow = avoided(0);
  for (let task = 0; task < 20; task++) slow.late(A, 100);
  expect(slow.isAvoided(A, 1000)).toBe(false);
});

it('then one task probes it: on time, and all use it again', () => {
  const slow = avoided(0);
  slow.sent(A, 1000);
  expect(slow.isAvoided(A, 1001)).toBe(true);
  slow.onTime(A);
  expect(slow.isAvoided(A, 1002)).toBe(false);
  slow.late(A, 1003);
  expect(slow.isAvoided(A, 1003)).toBe(false);
});

it('late again: it is avoided for twice as long each time, up to 8 s', () => {
  const slow = avoided(0);
  let nowMs = 1000;
  const avoidedForMs: number[] = [];
  for (let probe = 0; probe < 5; probe++) {
    slow.sent(A, nowMs);
    nowMs += 100;
    slow.late(A, nowMs);
    const fromMs = nowMs;
    while (slow.isAvoided(A, nowMs)) nowMs += 10;
    avoidedForMs.push(nowMs - fromMs);
  }
  expect(avoidedForMs).toEqual([2000, 4000, 8000, 8000, 8000]);
});

it('a cancelled probe decides nothing and lets the next one through after a second', () => {
  const slow = avoided(0);
  slow.sent(A, 1000);
  expect([slow.isAvoided(A, 1999), slow.isAvoided(A, 2000)]).toEqual([true, false]);
});
