import * as fc from 'fast-check';
import { isPlausibleTerm, MAX_TERM } from '../../../src/core/election/term';

const NOW_MS = Date.UTC(2026, 0, 1);

test('elections never reach the limit, whatever the clock says', () => {
  const yearsOfOneEverySecond = 2 ** 32 / (365.25 * 24 * 3600);
  expect(yearsOfOneEverySecond).toBeGreaterThan(136);
  for (const unixMs of [0, 1, NOW_MS]) expect(isPlausibleTerm(2 ** 32, unixMs)).toBe(true);
});

test('the greatest plausible term has a thousand successors a second later', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) }), (unixMs) => {
      let greatest = 2 ** 32 + unixMs;
      expect(isPlausibleTerm(greatest, unixMs)).toBe(true);
      expect(isPlausibleTerm(greatest + 1, unixMs)).toBe(false);
      greatest += 1000;
      expect(isPlausibleTerm(greatest, unixMs + 1000)).toBe(true);
      expect(greatest).toBeLessThan(MAX_TERM);
    }),
  );
});

test.each([2 ** 41, 2 ** 48, Number.MAX_SAFE_INTEGER, Infinity, NaN])('%p is not plausible in 2026', (term) => {
  expect(isPlausibleTerm(term, NOW_MS)).toBe(false);
});

test('nothing above 2^48 is plausible, whatever the clock says', () => {
  expect(isPlausibleTerm(MAX_TERM, Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(isPlausibleTerm(MAX_TERM + 1, Number.MAX_SAFE_INTEGER)).toBe(false);
});
