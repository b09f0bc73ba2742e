import fc from 'fast-check';
import { seededRandom } from '../../src/core/random';
import { dueTimes, expectedArrivals, expectedArrivalMs, type Schedule } from '../../src/client/pacer.pure';

const noRandom = (): number => {
  throw new Error('evenly spaced arrivals draw no numbers');
};
const even = (change: Partial<Schedule>): number[] => [
  ...dueTimes({ ratePerSecond: 10, arrivals: 'uniform', rampUpMs: 0, ...change }, noRandom),
];
const poisson = (change: Partial<Schedule>, seed = 1): number[] => [
  ...dueTimes({ ratePerSecond: 100, arrivals: 'poisson', rampUpMs: 0, ...change }, seededRandom(seed)),
];

describe('evenly spaced', () => {
  it.each([
    [{ durationMs: 500 }, [0, 100, 200, 300, 400]],
    [{ totalCount: 3 }, [0, 100, 200]],
    [{ durationMs: 150, totalCount: 3 }, [0, 100]],
    [{ durationMs: 1 }, [0]],
    [{ ratePerSecond: 3, durationMs: 1000 }, [0, 1000 / 3, 2000 / 3]],
  ])('%j', (change, times) => expect(even(change)).toEqual(times));

  it('no rounding error adds or removes an arrival', () => {
    for (const ratePerSecond of [0.1, 0.3, 7, 33, 1234.5]) {
      const schedule = { ratePerSecond, durationMs: 1000 * Math.ceil(100 / ratePerSecond) };
      const count = Math.ceil((schedule.durationMs / 1000) * ratePerSecond - 1e-9);
      expect(even(schedule).length).toBe(count);
      expect(expectedArrivals({ arrivals: 'uniform', rampUpMs: 0, ...schedule })).toBe(count);
    }
  });

  it('in a ramp-up the rate grows linearly', () => {
    const times = even({ ratePerSecond: 100, rampUpMs: 4000, durationMs: 6000 });
    const inSecond = (second: number): number => times.filter((ms) => Math.floor(ms / 1000) === second).length;
    // The area below the line: 25 × (t + 1/2) in second t.
    expect([0, 1, 2, 3, 4, 5].map(inSecond)).toEqual([13, 37, 63, 87, 100, 100]);
    expect(times.slice(-3)).toEqual([5970, 5980, 5990]);
    expect(expectedArrivals({ ratePerSecond: 100, arrivals: 'uniform', rampUpMs: 4000, durationMs: 6000 })).toBe(400);
  });
});

describe('at random', () => {
  it('the gaps are exponential: mean and standard deviation are the inverse of the rate', () => {
    const times = poisson({ totalCount: 50_000 });
    const gaps = times.map((ms, index) => ms - (times[index - 1] ?? 0));
    const mean = gaps.reduce((sum, ms) => sum + ms, 0) / gaps.length;
    const variance = gaps.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / gaps.length;
    expect(mean).toBeCloseTo(10, 0);
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
    // A share of 1 / e is longer than the mean.
    expect(gaps.filter((ms) => ms > 10).length / gaps.length).toBeCloseTo(Math.exp(-1), 2);
  });

  it('counts per window have a variance equal to their mean', () => {
    const counts = new Array<number>(1000).fill(0);
    for (const ms of poisson({ durationMs: 1_000_000 })) counts[Math.floor(ms / 1000)]! += 1;
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
    expect(mean / 100).toBeCloseTo(1, 1);
    expect(variance / mean).toBeGreaterThan(0.85);
    expect(variance / mean).toBeLessThan(1.15);
  });

  it('a seed gives the same times again, another one others', () => {
    expect(poisson({ totalCount: 50 })).toEqual(poisson({ totalCount: 50 }));
    expect(poisson({ totalCount: 50 })).not.toEqual(poisson({ totalCount: 50 }, 2));
  });

  it('a ramp-up has half of the arrivals, most of them late', () => {
    const times = poisson({ rampUpMs: 100_000, durationMs: 100_000 });
    expect(times.length / 5000).toBeCloseTo(1, 1);
    expect(times.filter((ms) => ms < 50_000).length / times.length).toBeCloseTo(0.25, 1);
  });
});

it('times ascend, stay within their limits, and are as many as expected', () => {
  const schedules = fc.record({
    ratePerSecond: fc.double({ min: 0.1, max: 1000, noNaN: true }),
    arrivals: fc.constantFrom('uniform', 'poisson'),
    rampUpMs: fc.double({ min: 0, max: 5000, noNaN: true }),
    durationMs: fc.double({ min: 1, max: 5000, noNaN: true }),
    totalCount: fc.integer({ min: 1, max: 2000 }),
  });
  fc.assert(
    fc.property(schedules, fc.integer({ min: 0, max: 1e9 }), (schedule, seed) => {
      const times = [...dueTimes(schedule, seededRandom(seed))];
      expect(times.length).toBeLessThanOrEqual(schedule.totalCount);
      expect(times.every((ms, index) => ms >= (times[index - 1] ?? 0) && ms < schedule.durationMs)).toBe(true);
      if (schedule.arrivals === 'uniform') expect(times.length).toBe(expectedArrivals(schedule));
      expect(expectedArrivalMs(schedule)).toBeLessThanOrEqual(schedule.durationMs);
    }),
  );
});
