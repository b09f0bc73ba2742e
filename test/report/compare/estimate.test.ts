import { exactQuantile } from '../../../src/core/metrics/digest';
import { seededRandom } from '../../../src/core/random';
import { type Estimate, type Estimated, estimatesOf, FIGURES } from '../../../src/report/compare/estimate';
import type { Block } from '../../../src/report/report-blocks';
import { blockWith } from './simulate';

/** Five blocks, each with these latencies by operation. */
function fiveOf(latencies: readonly (readonly number[])[], more: Partial<Block> = {}): Block[] {
  return Array.from({ length: 5 }, () => blockWith(latencies, more));
}

function known(estimated: Estimated): Estimate {
  if (typeof estimated === 'string') throw new Error(estimated);
  return estimated;
}

const ofCount = (count: number, ms = 10): number[] => Array.from({ length: count }, () => ms);

test('figures of equal blocks are those of their requests, latencies within 1 %', () => {
  const random = seededRandom(3);
  const list = Array.from({ length: 10_000 }, () => 5 * Math.exp(3 * random() ** 2));
  const figures = estimatesOf(fiveOf([list]), [0]);
  const sorted = Float64Array.from(list).sort();
  const near = (estimated: Estimated, exactMs: number): void => {
    expect(Math.abs(known(estimated).value / exactMs - 1)).toBeLessThan(0.01);
  };
  near(figures.avg, sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length);
  near(figures.p50, exactQuantile(sorted, 0.5)!);
  near(figures.p95, exactQuantile(sorted, 0.95)!);
  near(figures.p99, exactQuantile(sorted, 0.99)!);
  near(figures['p99.9'], exactQuantile(sorted, 0.999)!);
  expect(known(figures.goodput).value).toBeCloseTo(10_000 / 12, 9);
});

test('operations weigh the same, however many requests they have', () => {
  const figure = (fast: number, slow: number): number => {
    return known(estimatesOf(fiveOf([ofCount(fast, 10), ofCount(slow, 1000)]), [0, 1]).avg).value;
  };
  expect(figure(100, 10)).toBeCloseTo(100, 6);
  expect(figure(10, 100)).toBeCloseTo(100, 6);
});

test('the error is that of the mean of five blocks', () => {
  const blocks = [1, 2, 3, 4, 5].map((n) => blockWith([ofCount(20 * n, 10 * Math.exp(n / 10))]));
  const { avg, goodput } = estimatesOf(blocks, [0]);
  // 0.1 to 0.5 have a standard deviation of 0.158; 20 to 100 one of 31.6, with a mean of 60.
  expect(known(avg).error).toBeCloseTo(0.1581 / Math.sqrt(5), 4);
  expect(known(goodput).error).toBeCloseTo(31.62 / 60 / Math.sqrt(5), 4);
});

test('one stall makes the p99 uncertain, and two of five blocks do not make it certain again', () => {
  const calm = blockWith([ofCount(200, 19)]);
  const stalled = blockWith([[...ofCount(190, 19), ...ofCount(10, 2402)]]);
  for (const blocks of [
    [calm, calm, stalled, calm, calm],
    [stalled, calm, stalled, calm, calm],
  ]) {
    expect(known(estimatesOf(blocks, [0]).p99).error).toBeGreaterThan(0.9);
  }
});

test('undecided requests count as failed', () => {
  const blocks = fiveOf([ofCount(6)], { failed: 1, undecided: 3 });
  expect(known(estimatesOf(blocks, [0]).failure_rate_max).value).toBe(40);
});

test('no failure of few requests is not certain, and of many nearly so', () => {
  const error = (count: number): number => known(estimatesOf(fiveOf([ofCount(count)]), [0]).failure_rate_max).error;
  expect(error(20)).toBeCloseTo(1, 1);
  expect(error(2000)).toBeCloseTo(0.01, 3);
});

test.each<[number, string[]]>([
  [1, ['avg', 'p50', 'p95', 'p99', 'p99.9']],
  [19, ['p95', 'p99', 'p99.9']],
  [20, ['p99', 'p99.9']],
  [100, ['p99.9']],
  [1000, []],
])('of %i requests a block, percentiles with fewer than five beyond are unknown', (count, unknown) => {
  const figures = estimatesOf(fiveOf([ofCount(5000), ofCount(count)]), [0, 1]);
  expect(FIGURES.filter((figure) => figures[figure] === 'too few requests')).toEqual(unknown);
});

test('latencies that depend on failures of unknown latency are unknown', () => {
  const blocks = fiveOf([ofCount(960)], { failed: 40 }).map((block) => ({
    ...block,
    operations: block.operations.map((operation) => ({ ...operation, unknown: 40 })),
  }));
  const why = 'failures take an unknown time';
  expect(estimatesOf(blocks, [0])).toMatchObject({ avg: why, p99: why, 'p99.9': why });
  expect(known(estimatesOf(blocks, [0]).p95).value).toBeCloseTo(10, 0);
});

test('without requests or a common operation there is no estimate', () => {
  const empty = estimatesOf(fiveOf([[]]), [0]);
  expect(empty).toMatchObject({ goodput: 'no requests', failure_rate_max: 'no requests', p50: 'too few requests' });
  expect(estimatesOf(fiveOf([ofCount(100)]), [])).toMatchObject({ avg: 'no image in common' });
  const hung = [...fiveOf([ofCount(100)]).slice(1), blockWith([[]])];
  expect(estimatesOf(hung, [0])).toMatchObject({ p50: 'too few requests' });
  expect(known(estimatesOf(hung, [0]).goodput).value).toBeCloseTo(80 / 12, 9);
});
