import fc from 'fast-check';
import { type PlannedAction, planRing, timetable } from '../../src/faults/plan';

const delays = fc.integer({ min: 0, max: 100_000 });
const ring = fc.record({
  ids: fc.uniqueArray(fc.integer({ min: 1, max: 4294967295 }), { minLength: 1, maxLength: 6 }),
  spec: fc.record({ cycles: fc.integer({ min: 1, max: 5 }), restartDelayMs: delays, intervalMs: delays }),
});

const holdsFor = (
  check: (plan: PlannedAction[], given: typeof ring extends fc.Arbitrary<infer T> ? T : never) => void,
) => fc.assert(fc.property(ring, (given) => check(planRing(given.ids, given.spec), given)));

describe('a ring', () => {
  it('restarts every server that it kills, before it kills another', () => {
    holdsFor((plan) => {
      const down = new Set<number>();
      for (const { action, serverId } of plan) {
        if (action === 'kill') {
          expect(down.size).toBe(0);
          down.add(serverId);
        } else expect(down.delete(serverId)).toBe(true);
      }
      expect(down.size).toBe(0);
    });
  });

  it('goes round in the order given, in every cycle', () => {
    holdsFor((plan, { ids, spec }) => {
      const kills = plan.filter(({ action }) => action === 'kill');
      expect(kills.map(({ serverId }) => serverId)).toEqual(Array.from({ length: spec.cycles }, () => ids).flat());
      expect(kills.map(({ cycle }) => cycle)).toEqual(kills.map((_, index) => Math.floor(index / ids.length) + 1));
    });
  });

  it('waits before a restart and between servers, neither at the start nor at the end', () => {
    holdsFor((plan, { ids, spec: { cycles, restartDelayMs, intervalMs } }) => {
      const kills = ids.length * cycles;
      expect(plan[0]!.delayMs).toBe(0);
      for (const { action, delayMs } of plan.slice(1)) {
        expect(delayMs).toBe(action === 'kill' ? intervalMs : restartDelayMs);
      }
      expect(timetable(plan).at(-1)!.atMs).toBe(kills * restartDelayMs + (kills - 1) * intervalMs);
    });
  });
});

it("the guide's timetable", () => {
  const rows = timetable(planRing([1, 2], { cycles: 2, restartDelayMs: 10_000, intervalMs: 30_000 }));
  expect(rows.map(({ atMs, cycle, action, serverId }) => `${atMs / 1000} ${cycle} ${action} ${serverId}`)).toEqual([
    ...['0 1 kill 1', '10 1 restart 1', '40 1 kill 2', '50 1 restart 2'],
    ...['80 2 kill 1', '90 2 restart 1', '120 2 kill 2', '130 2 restart 2'],
  ]);
});
