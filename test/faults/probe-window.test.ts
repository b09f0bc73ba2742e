import type { RequestRecord } from '../../src/core/metrics/record';
import { parseThreshold } from '../../src/core/metrics/threshold';
import { ProbeWindow } from '../../src/faults/probe-window';

const record = (changes: Partial<RequestRecord>): RequestRecord =>
  ({ outcome: 'success', success: true, latency_ms: 10, ...changes }) as RequestRecord;
const FAILED = record({ outcome: 'failure', success: false, latency_ms: 10_000 });

/** A window with one probe every 200 ms. */
function windowOf(records: readonly RequestRecord[]): ProbeWindow {
  const window = new ProbeWindow();
  records.forEach((each, index) => window.add(each, index * 200));
  return window;
}

const crossed = (records: readonly RequestRecord[], condition: string, nowMs = records.length * 200): string | null =>
  windowOf(records).crossed([parseThreshold(condition)], nowMs);
const times = (count: number, each: RequestRecord): RequestRecord[] => Array.from({ length: count }, () => each);

it('a condition is met as written, and the measured value is reported', () => {
  const mixed = [...times(9, record({})), ...times(3, FAILED)];
  expect(crossed(mixed, 'failure_rate>20%')).toBe('failure_rate>20% (25 % over the last 12 probes)');
  expect(crossed(mixed, 'failure_rate>25%')).toBe(null);
  expect(crossed(mixed, 'failure_rate>=25%')).toMatch(/^failure_rate>=25%/);
});

it('fewer than ten probes decide nothing', () => {
  expect(crossed(times(9, FAILED), 'failure_rate>20%')).toBe(null);
  expect(crossed(times(10, FAILED), 'failure_rate>20%')).not.toBe(null);
});

it('probes older than ten seconds are forgotten', () => {
  const records = [...times(30, FAILED), ...times(50, record({}))];
  expect(crossed(records, 'failure_rate>1%')).toBe(null);
  expect(crossed(records.slice(0, -2), 'failure_rate>1%')).not.toBe(null);
});

it('latencies are those of successes; without any they are unknown', () => {
  const records = [...Array.from({ length: 20 }, (_, index) => record({ latency_ms: index + 1 })), FAILED];
  const values = ['min', 'avg', 'p50', 'p95', 'p99', 'max'].map((metric) => {
    return Number(/\(([\d.]+) ms/.exec(crossed(records, `${metric}>0ms`)!)![1]);
  });
  expect(values).toEqual([1, 10.5, 10, 19, 20, 20]);
  expect(crossed(times(20, FAILED), 'p99>0ms')).toBe(null);
});

it('interrupted probes are no failures', () => {
  expect(crossed(times(20, record({ outcome: 'interrupted', success: false })), 'failure_rate>1%')).toBe(null);
});
