import { seededRandom } from '../../../src/core/random';
import { type Row } from '../../../src/report/read/columns';
import { type Timeline } from '../../../src/report/report';
import { HISTOGRAM_BASE } from '../../../src/report/report-blocks';
import { bucketMs, bucketOf, timelineOf } from '../../../src/report/analyze/timeline';
import { request, T0, useLab } from '../lab';

const lab = useLab();
const HOUR_MS = 3_600_000;
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** The timeline of hand-made rows, from T0 until `spanMs` later. */
function timelineOfRows(
  rows: readonly Partial<Row>[],
  spanMs: number,
  names = { servers: [7], reasons: ['x'] },
  requestCount = 1e6,
): Timeline {
  const whole = { server: 0, reason: 0, success: true, latencyMs: 1, image: 0, term: 1, hedged: false };
  const run = { from: T0, to: T0 + spanMs };
  return timelineOf(
    (visit) => rows.forEach((row) => visit({ ...whole, isFailed: row.success === false, ...row } as Row)),
    run,
    {
      ...names,
      requestCount,
    },
  )!;
}

test('by hand: counts, servers and reasons by the window in which a request ended', () => {
  lab.requests([
    request(1, 0, { latency_ms: 300 }),
    request(2, 100, { latency_ms: 100, assigned_server_id: 3 }),
    request(3, 240, { latency_ms: 500, outcome: 'failure' }),
    request(4, 700, {
      latency_ms: 40,
      outcome: 'failure',
      failure_reason: 'Server overloaded',
      assigned_server_id: null,
    }),
  ]);
  expect(lab.report().timeline).toEqual({
    from: T0,
    window_ms: 250,
    left_out: 0,
    requests: [1, 1, 2],
    failed: [0, 0, 2],
    undecided: [0, 0, 0],
    p50_ms: [100, 300, 40].map((ms) => expect.closeTo(ms, -Math.log10(ms * 0.01))),
    p95_ms: expect.anything(),
    p99_ms: expect.anything(),
    max_ms: [100, 300, 500],
    by_server: [
      { server_id: 1, requests: [0, 1, 1] },
      { server_id: 3, requests: [1, 0, 0] },
    ],
    by_reason: [
      { reason: 'Connection refused', requests: [0, 0, 1] },
      { reason: 'Server overloaded', requests: [0, 0, 1] },
    ],
  });
});

test('undecided requests have not ended: they are apart from those of their servers', () => {
  const undecided = { endMs: T0 + 600, server: 1, success: false, isFailed: false };
  const told = timelineOfRows([{ endMs: T0 + 600, server: 1 }, undecided, { ...undecided, server: 0 }], 600);
  expect(told).toMatchObject({ requests: [0, 0, 3], failed: [0, 0, 0], undecided: [0, 0, 2] });
  expect(told.by_server).toEqual([{ server_id: 7, requests: [0, 0, 1] }]);
});

test('a window in which no request ended has no latencies', () => {
  const { requests, p50_ms, max_ms } = timelineOfRows([{ endMs: T0 }, { endMs: T0 + 600 }], 600);
  expect(requests).toEqual([1, 0, 1]);
  expect(p50_ms).toEqual([1, null, 1]);
  expect(max_ms).toEqual([1, null, 1]);
});

test.each([
  [7400, 1, 250],
  [7600, 1, 500],
  [15_100, 1, 1000],
  [40_000, 1590, 500],
  [40_000, 1610, 250],
])(
  'a run of %i ms with %i requests has windows of %i ms: narrow ones only if enough requests end in them',
  (span, count, ms) => {
    expect(timelineOfRows([{ endMs: T0 }], span, undefined, count).window_ms).toBe(ms);
  },
);

test.each<[number, number]>([
  [0, 250],
  [59_999, 250],
  [60_000, 500],
  [119_999, 500],
  [120_000, 1000],
  [599_999, 1000],
  [600_000, 2000],
  [25 * 60_000, 5000],
  [24 * HOUR_MS, 300_000],
  [7 * 24 * HOUR_MS, 1_200_000],
  [8e15, 600_000 * 2 ** 25],
])('a run of %i ms has windows of %i ms, at most 600', (spanMs, windowMs) => {
  const { window_ms, requests } = timelineOfRows([{ endMs: T0 + spanMs }], spanMs);
  expect(window_ms).toBe(windowMs);
  expect(requests.length).toBeLessThanOrEqual(600);
  expect(requests.at(-1)).toBe(1);
});

test('percentiles of a window are within 1 % of the exact ones', () => {
  const random = seededRandom(7);
  const latencies = Array.from(
    { length: 20_000 },
    () => Math.round(1000 * 20 * Math.exp(3 * random() * random())) / 1000,
  );
  const rows = latencies.map((latencyMs, at) => ({ latencyMs, endMs: T0 + 1, success: at % 10 > 0 }));
  const { p50_ms, p95_ms, p99_ms } = timelineOfRows(rows, 10);
  const sorted = Float64Array.from(latencies).sort();
  for (const [q, [told]] of [
    [0.5, p50_ms],
    [0.95, p95_ms],
    [0.99, p99_ms],
  ] as const) {
    const exact = sorted[Math.ceil(q * sorted.length) - 1]!;
    expect(Math.abs(told! - exact) / exact).toBeLessThan(0.01);
  }
});

test('buckets have the promised width', () => {
  for (const us of [1, 2, 999, 123_456, 2 ** 32 - 1]) {
    expect(HISTOGRAM_BASE ** bucketOf(us)).toBeLessThanOrEqual(us);
    expect(HISTOGRAM_BASE ** (bucketOf(us) + 1)).toBeGreaterThan(us);
    expect(bucketMs(bucketOf(us)) * 1000).toBeGreaterThanOrEqual(us);
    expect((bucketMs(bucketOf(us)) * 1000 - us) / us).toBeLessThan(0.0101);
  }
});

test.each([
  ['of 1970', -T0],
  ['of the year 2100', Date.UTC(2100, 0) - T0],
  ['far beyond any calendar', 8e15 - T0],
])('a damaged time %s is in no window, but counts in the totals', (_, at) => {
  lab.requests([...Array.from({ length: 20 }, (_, id) => request(id, id * 100)), request(1, at, { client_id: 2 })]);
  const { timeline, total_requests, duration_secs, self_check } = lab.report();
  expect(timeline).toMatchObject({ from: T0, left_out: 1 });
  expect(sum(timeline!.requests)).toBe(20);
  expect([total_requests, duration_secs]).toEqual([21, 1.9]);
  expect(self_check.join('\n')).toMatch(/^1 requests? .* more than a week/m);
});

test('an undecided request is in the window in which the run ended, with its age', () => {
  lab.requests([request(1, 0), request(2, 1000, { outcome: 'interrupted', latency_ms: 3000 })]);
  const { requests, failed, max_ms } = lab.report().timeline!;
  expect([requests.at(-1), failed.at(-1), max_ms.at(-1)]).toEqual([1, 0, 3000]);
});
