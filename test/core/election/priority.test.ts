import * as fc from 'fast-check';
import { beats, INCUMBENT_PRIORITY, loadScore } from '../../../src/core/election/priority';

describe('the load score', () => {
  it.each([
    // cpu, memory, active, capacity → 0.5 cpu + 0.3 busy + 0.2 memory
    [0, 0, 0, 4, 0],
    [100, 0, 0, 4, 50],
    [0, 100, 0, 4, 20],
    [0, 0, 4, 4, 30],
    [0, 0, 1, 4, 7.5],
    [40, 50, 2, 4, 45],
    [100, 100, 4, 4, 100],
  ])('cpu %d %%, memory %d %%, %d of %d workers busy: %d', (cpuPercent, memoryUsedPercent, active, capacity, score) => {
    expect(loadScore({ cpuPercent, memoryUsedPercent }, active, capacity)).toBeCloseTo(score, 10);
  });

  it('counts more tasks than workers as full, and no workers as one', () => {
    const idle = { cpuPercent: 0, memoryUsedPercent: 0 };
    expect(loadScore(idle, 99, 4)).toBe(30);
    expect([loadScore(idle, 0, 0), loadScore(idle, 1, 0)]).toEqual([0, 30]);
  });

  it('never reaches the priority of a sitting leader', () => {
    const percent = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(percent, percent, fc.nat(1000), fc.nat(64), (cpuPercent, memoryUsedPercent, active, capacity) => {
        const score = loadScore({ cpuPercent, memoryUsedPercent }, active, capacity);
        expect(score).toBeGreaterThan(INCUMBENT_PRIORITY);
        expect(score).toBeLessThanOrEqual(100 + 1e-9);
      }),
    );
  });
});

describe('of two candidates', () => {
  it.each([
    ['the less loaded wins', { id: 2, priority: 10 }, { id: 1, priority: 11 }],
    ['the lower id wins a tie', { id: 1, priority: 10 }, { id: 2, priority: 10 }],
    ['a sitting leader wins over an idle server', { id: 3, priority: INCUMBENT_PRIORITY }, { id: 1, priority: 0 }],
  ])('%s', (_, winner, loser) => {
    expect([beats(winner, loser), beats(loser, winner)]).toEqual([true, false]);
  });

  it('exactly one wins, and among any number one beats all others', () => {
    const priorities = fc.array(fc.constantFrom(INCUMBENT_PRIORITY, 0, 10, 10.5), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(priorities, (given) => {
        const candidates = given.map((priority, index) => ({ id: index + 1, priority }));
        const winners = candidates.filter((a) => candidates.every((b) => a === b || beats(a, b)));
        expect(winners).toHaveLength(1);
      }),
    );
  });
});
