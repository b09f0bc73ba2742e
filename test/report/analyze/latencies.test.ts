import fc from 'fast-check';
import { Digest, exactQuantile } from '../../../src/core/metrics/digest';
import { seededRandom } from '../../../src/core/random';
import { parseClientFile } from '../../../src/report/read/client-file';
import { Histogram } from '../../../src/report/analyze/histogram';
import { Latencies } from '../../../src/report/analyze/latencies';
import { clientFile } from '../lab';

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

test.each([0.5, 0.95, 0.99, 0.999])('quantile %d is exact for few values, within 1 %% for many', (q) => {
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
])('merging %i and %i values equals adding all', (first, second) => {
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

describe('against the exact values', () => {
  const COUNT = 60_000;
  const PARTS = 300;
  const micros = (ms: number) => Math.round(ms * 1000) / 1000;
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const values = (make: (at: number) => number) => Array.from({ length: COUNT }, (_, at) => micros(make(at)));
  const DISTRIBUTIONS: [string, () => number[]][] = [
    ['lognormal', () => values(() => Math.exp(3 + normal()))],
    ['bimodal', () => values(() => (random() < 0.95 ? 5 + normal() / 2 : 2000 + 10 * normal()))],
    ['heavy-tailed', () => values(() => Math.min(4e6, (1 - random()) ** -1.5))],
    ['sorted', () => values((at) => 0.5 + at / 100)],
    ['one value only', () => values(() => 12.345)],
  ];
  const QUANTILES = [0.0001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];

  /** True if within 1 % in value, or 0.05 percentage points in rank. */
  const isClose = (sorted: Float64Array, q: number, told: number): boolean => {
    if (Math.abs(told / exactQuantile(sorted, q)! - 1) <= 0.01) return true;
    const below = sorted.findIndex((value) => value >= told) / sorted.length;
    const upTo = (sorted.findLastIndex((value) => value <= told) + 1) / sorted.length;
    return below - 0.0005 <= q && q <= upTo + 0.0005;
  };
  const partsOf = (all: readonly number[]) =>
    Array.from({ length: PARTS }, (_, part) => all.slice((part * COUNT) / PARTS, ((part + 1) * COUNT) / PARTS));

  test.each(DISTRIBUTIONS)('%s: merging 300 parts, in any order, equals adding all', (_, make) => {
    const all = make();
    const sorted = Float64Array.from(all).sort();
    const parts = partsOf(all).map(latenciesOf);
    const merged = [parts, [...parts].reverse()].map((each) => {
      const whole = new Latencies();
      for (const part of each) whole.merge(part);
      return whole;
    });
    const whole = latenciesOf(all);
    for (const each of merged) {
      expect(each.stats()).toEqual(whole.stats());
    }
    for (const q of QUANTILES) {
      expect(Math.abs(whole.quantileMs(q)! / exactQuantile(sorted, q)! - 1)).toBeLessThan(0.0011);
    }
    expect(whole.stats()).toMatchObject({ min_ms: sorted[0], max_ms: sorted.at(-1) });
  });

  test.each(DISTRIBUTIONS)('%s: half from records, half from the digests of 150 clients, in any order', (_, make) => {
    const all = make();
    const sorted = Float64Array.from(all).sort();
    const parts = partsOf(all);
    const records = parts.filter((_, part) => part % 2 === 0).map(latenciesOf);
    const clients = parts.filter((_, part) => part % 2 === 1).map(clientOf);
    const merge = (reversed: boolean) => {
      const whole = new Latencies();
      const [first, second] = reversed ? [[...clients].reverse(), [...records].reverse()] : [records, clients];
      for (const part of [...first!, ...second!]) {
        if (part instanceof Latencies) whole.merge(part);
        else whole.addClient(part);
      }
      return whole;
    };
    const whole = merge(false);
    const other = merge(true);
    expect([other.stats(), other.quantileMs(0.999)]).toEqual([whole.stats(), whole.quantileMs(0.999)]);
    for (const q of QUANTILES) expect([q, isClose(sorted, q, whole.quantileMs(q)!)]).toEqual([q, true]);
  });

  test.each(DISTRIBUTIONS)('%s: one client with a coarse digest', (_, make) => {
    const all = make();
    const sorted = Float64Array.from(all).sort();
    const whole = new Latencies();
    whole.addClient(clientOf(all));
    for (const q of QUANTILES) expect([q, isClose(sorted, q, whole.quantileMs(q)!)]).toEqual([q, true]);
  });

  function clientOf(latenciesMs: readonly number[]) {
    const digest = new Digest();
    for (const ms of latenciesMs) digest.add(ms);
    const count = latenciesMs.length;
    const numbers = { total_requests: count, successful_requests: count, failed_requests: 0 };
    const sum = latenciesMs.reduce((total, ms) => total + ms, 0);
    const spread = latenciesMs.reduce((max, ms) => Math.max(max, ms), 0);
    const least = latenciesMs.reduce((min, ms) => Math.min(min, ms), Infinity);
    const stats = { ...numbers, latency_min_ms: least, latency_max_ms: spread, latency_avg_ms: sum / count };
    const text = clientFile('Machine_1_Client_1', stats, { latency_digest: digest.toCentroids() });
    const parsed = parseClientFile('a.json', text);
    if ('problem' in parsed) throw new Error(parsed.problem);
    return parsed.ok;
  }
});

describe('the histogram', () => {
  test('is exact below 2048, and at most 0.1 % too much above', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 2 ** 32 - 1 })), (value) => {
        const histogram = new Histogram();
        histogram.add(value);
        expect(histogram.at(0)!).toBeGreaterThanOrEqual(value);
        expect(histogram.at(0)! - value).toBeLessThanOrEqual(value < 2048 ? 0 : value / 1024);
      }),
    );
    for (const value of [0, 1, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 2 ** 31, 2 ** 32 - 1]) {
      const histogram = new Histogram();
      histogram.add(value);
      expect(histogram.at(0)!).toBeGreaterThanOrEqual(value);
      expect(histogram.at(0)! - value).toBeLessThanOrEqual(value < 2048 ? 0 : value / 1024);
    }
  });

  test('keeps ranks', () => {
    const sorted = (values: number[]) => values.sort((a, b) => a - b);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2047 }), { minLength: 1 }).map(sorted), (values) => {
        const histogram = new Histogram();
        for (const value of [...values].reverse()) histogram.add(value);
        expect(values.map((_, rank) => histogram.at(rank))).toEqual(values);
        expect(histogram.at(values.length)).toBeNull();
      }),
    );
  });
});
