import { closer, isFarOff, offsetBy } from '../../src/core/clock-offset';

it('was read halfway through the round trip, ± half of it', () => {
  expect(offsetBy(1070, 1000, 100)).toEqual({ offsetMs: 20, uncertaintyMs: 50 });
});

it('is taken from the shortest round trip, of equal ones from the first', () => {
  const [long, short, equal] = [offsetBy(1, 0, 9), offsetBy(2, 0, 3), offsetBy(3, 0, 3)];
  expect([closer(null, long), closer(long, short), closer(short, long), closer(short, equal)]).toEqual([
    long,
    short,
    short,
    short,
  ]);
});

it.each([
  [500, 0, false],
  [501, 0, true],
  [-501, 0, true],
  [600, 100, false],
  [601, 100, true],
  [0, Infinity, false],
])('%s ± %s ms is far off: %s', (offsetMs, uncertaintyMs, expected) => {
  expect(isFarOff({ offsetMs, uncertaintyMs })).toBe(expected);
});
