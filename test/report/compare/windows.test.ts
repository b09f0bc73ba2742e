import { exactQuantile } from '../../../src/core/metrics/digest';
import { seededRandom } from '../../../src/core/random';
import { figuresOf, whyUnknown, type Windows, windowsOf } from '../../../src/report/compare/windows';
import { sampleReport, T0 } from '../render/sample';
import { histogramOf } from './simulate';

/** Windows of 1 s with these latencies in ms, a list for each. */
function windowsWith(latencies: readonly (readonly number[])[], failed = latencies.map(() => 0)): Windows {
  const requests = latencies.map((list, at) => list.length + failed[at]!);
  return { windowMs: 1000, requests, failed, histograms: latencies.map(histogramOf) };
}

test('figures equal those of the requests, latencies within 1 %', () => {
  const random = seededRandom(3);
  const lists = Array.from({ length: 20 }, () => Array.from({ length: 600 }, () => 5 * Math.exp(3 * random() ** 2)));
  const sorted = Float64Array.from(lists.flat()).sort();
  const figures = figuresOf(windowsWith(lists));
  const near = (ms: number, exactMs: number): void => expect(Math.abs(ms / exactMs - 1)).toBeLessThan(0.01);
  for (const [name, q] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
    ['p99.9', 0.999],
  ] as const) {
    near(figures[name], exactQuantile(sorted, q)!);
  }
  near(figures.avg, sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length);
  expect(figures.throughput).toBe(600);
  expect(figures.failure_rate).toBe(0);
});

test('failures are requests without a latency', () => {
  const figures = figuresOf(windowsWith([[10, 10, 10], []], [1, 4]));
  expect(figures.throughput).toBe(4);
  expect(figures.failure_rate).toBe(62.5);
  expect(figures.p50 / 10).toBeCloseTo(1, 1);
});

test('without requests there are no figures', () => {
  expect(figuresOf(windowsWith([[], []]))).toMatchObject({ throughput: 0, failure_rate: NaN, avg: NaN, p99: NaN });
});

test.each<[number, string[]]>([
  [0, ['failure_rate', 'avg', 'p50', 'p95', 'p99', 'p99.9']],
  [19, ['p50', 'p95', 'p99', 'p99.9']],
  [200, ['p99', 'p99.9']],
  [1000, ['p99.9']],
  [10_000, []],
])('of %i requests, percentiles with fewer than ten beyond are unknown', (count, unknown) => {
  const windows = windowsWith([Array.from({ length: count }, () => 10)]);
  const all = ['throughput', 'failure_rate', 'avg', 'p50', 'p95', 'p99', 'p99.9'] as const;
  expect(all.filter((figure) => whyUnknown(figure, windows) !== null)).toEqual(unknown);
});

test('the whole run is all windows except the first and the last', () => {
  const report = sampleReport();
  const windows = windowsOf(report, 'whole')!;
  expect(windows.requests).toEqual(report.timeline!.requests.slice(1, -1));
  expect(windows.histograms).toEqual(report.timeline!.histograms.slice(1, -1));
});

test('steady are the windows outside warm-up, faults and recovery', () => {
  const report = sampleReport();
  const fault = report.faults![0]!;
  const faults = [
    { ...fault, start: T0 + 10_500, recovered: T0 + 12_000 },
    { ...fault, start: T0 + 50_000, recovered: null },
  ];
  const windows = windowsOf({ ...report, faults, warmup_secs: 3 }, 'steady')!;
  const { requests } = report.timeline!;
  expect(report.timeline!.window_ms).toBe(1000);
  // A fault that is never healed lasts until the end.
  expect(windows.requests).toEqual([...requests.slice(3, 10), ...requests.slice(12, 50)]);
});

test('without records there are no windows', () => {
  expect(windowsOf({ ...sampleReport(), timeline: null }, 'whole')).toBeNull();
});
