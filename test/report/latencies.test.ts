import { exactQuantile } from '../../src/core/metrics/digest';
import { seededRandom } from '../../src/core/random';
import { Latencies } from '../../src/report/latencies';

const random = seededRandom(7);
const VALUES = Array.from({ length: 45_000 }, () => Math.round(1000 * (20 + 300 * random() ** 4)) / 1000);

function latenciesOf(values: readonly number[]): Latencies {
  const latencies = new Latencies();
  for (const value of values) latencies.add(value);
  return latencies;
}

function exact(values: readonly number[], q: number): number {
  return exactQuantile(Float64Array.from(values).sort(), q)!;
}

test.each([0.5, 0.95, 0.99, 0.999])('quantile %d of few is exact, of many within 1 %%', (q) => {
  const few = VALUES.slice(0, 10_000);
  expect(latenciesOf(few).quantileMs(q)).toBeCloseTo(exact(few, q), 3);
  const many = latenciesOf(VALUES).quantileMs(q)!;
  expect(Math.abs(many / exact(VALUES, q) - 1)).toBeLessThan(0.01);
});

test.each([
  [100, 44_900],
  [44_900, 100],
  [5000, 5000],
  [22_500, 22_500],
])('%i and %i merged are what all are', (first, second) => {
  const all = VALUES.slice(0, first + second);
  const merged = latenciesOf(all.slice(0, first));
  merged.merge(latenciesOf(all.slice(first)));
  const whole = latenciesOf(all).stats();
  const { avg_ms, min_ms, max_ms, median_ms, p99_ms } = merged.stats();
  expect({ min_ms, max_ms }).toEqual({ min_ms: whole.min_ms, max_ms: whole.max_ms });
  expect(avg_ms).toBeCloseTo(whole.avg_ms!, 2);
  expect(Math.abs(median_ms! / exact(all, 0.5) - 1)).toBeLessThan(0.01);
  expect(Math.abs(p99_ms! / exact(all, 0.99) - 1)).toBeLessThan(0.01);
});
