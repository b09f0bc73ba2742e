import fc from 'fast-check';
import { Digest, exactQuantile } from '../../../src/core/metrics/digest';
import { seededRandom } from '../../../src/core/random';
import type { Random } from '../../../src/core/environment';

const QUANTILES = [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999];

const SHAPES: Record<string, (random: Random, i: number) => number> = {
  uniform: (random) => random() * 1000,
  'long tail': (random) => 5 / (1 - random()),
  'two humps': (random) => (random() < 0.9 ? 20 + random() * 5 : 5000 + random() * 100),
  ascending: (_random, i) => i,
  descending: (_random, i) => 1e6 - i,
  'whole milliseconds': (random) => Math.floor(100 + random() * 900),
};

function digestOf(valuesMs: Iterable<number>): Digest {
  const digest = new Digest();
  for (const valueMs of valuesMs) digest.add(valueMs);
  return digest;
}

/** Expects values within 1 % of the exact value or 0.05 percentage points of the exact rank. */
function expectClose(digest: Digest, valuesMs: readonly number[]): void {
  const sorted = Float64Array.from(valuesMs).sort();
  for (const q of QUANTILES) {
    const found = digest.quantile(q)!;
    const low = exactQuantile(sorted, q - 0.0005)!;
    const high = exactQuantile(sorted, q + 0.0005)!;
    const exact = exactQuantile(sorted, q)!;
    const isClose = Math.abs(found - exact) <= exact * 0.01 || (found >= low && found <= high);
    expect({ q, found, exact, isClose }).toEqual({ q, found, exact, isClose: true });
  }
}

describe('digest', () => {
  it.each(Object.keys(SHAPES))('%s: close to the exact quantiles, bounded, alone and merged', (name) => {
    const random = seededRandom(7);
    const values = Array.from({ length: 60_000 }, (_, i) => SHAPES[name]!(random, i));
    const whole = digestOf(values);
    expect(whole.count).toBe(values.length);
    expect(whole.toCentroids().length).toBeLessThan(10_000);
    expectClose(whole, values);
    const merged = new Digest();
    for (let at = 0; at < values.length; at += 1000) {
      merged.merge(digestOf(values.slice(at, at + 1000)).toCentroids());
    }
    expect(merged.count).toBe(values.length);
    expectClose(merged, values);
  });

  it('few values: exact', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ min: 0.001, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const sorted = [...values].sort((a, b) => a - b);
          const exact = exactQuantile(sorted, q)!;
          expect(digestOf(values).quantile(q)).toBeCloseTo(exact, 6);
          expect(exact).toBeGreaterThanOrEqual(sorted[0]!);
          expect(exact).toBeLessThanOrEqual(sorted.at(-1)!);
        },
      ),
    );
  });

  it('the same values give the same digest, independent of Math.random', () => {
    const values = Array.from({ length: 30_000 }, (_, i) => (i * 7919) % 10_007);
    const first = digestOf(values).toCentroids();
    const spy = jest.spyOn(Math, 'random').mockImplementation(() => {
      throw new Error('not reproducible');
    });
    expect(digestOf(values).toCentroids()).toEqual(first);
    spy.mockRestore();
  });

  it('survives JSON', () => {
    const digest = digestOf([3, 1, 2]);
    const copy = new Digest();
    copy.merge(JSON.parse(JSON.stringify(digest.toCentroids())));
    expect(copy.toCentroids()).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it('empty: no quantiles', () => {
    expect(new Digest().quantile(0.5)).toBeNull();
    expect(new Digest().toCentroids()).toEqual([]);
    expect(exactQuantile([], 0.5)).toBeNull();
  });

  it.each([NaN, Infinity, -Infinity])('refuses %p', (value) => {
    expect(() => new Digest().add(value)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it.each([
    [1, 0],
    [1, -1],
    [1, 1.5],
    [NaN, 1],
  ])('refuses the centroid [%p, %p]', (mean, count) => {
    expect(() => new Digest().merge([[mean, count]])).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});
