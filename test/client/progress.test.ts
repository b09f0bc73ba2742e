import { Progress } from '../../src/client/progress';
import { summaryText } from '../../src/client/summary-text.pure';
import type { RequestRecord } from '../../src/core/metrics/record';
import { summarize } from '../../src/core/metrics/summary';
import { systemClock } from '../../src/core/system/system-clock';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const done = (latency_ms: number): RequestRecord =>
  ({ outcome: 'success', success: true, latency_ms }) as RequestRecord;
const failed = {
  outcome: 'failure',
  success: false,
  latency_ms: 1,
  failure_reason: 'Connection refused',
} as RequestRecord;
const interrupted = { outcome: 'interrupted', success: false } as RequestRecord;

function progress(isTerminal: boolean, columns?: number, oldestDueMs?: number) {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const more = { longestMs: 10_000, expectedCount: 300, oldestDueMs: () => oldestDueMs };
  const shown = new Progress({ write, isTerminal, columns, clock: systemClock, ...more });
  shown.start();
  return { written, shown };
}

describe('progress', () => {
  it('on a pipe: a log line every five seconds', () => {
    const { written, shown } = progress(false);
    for (let i = 0; i < 9; i++) shown.add(done(20));
    shown.add(failed);
    shown.add(interrupted);
    jest.advanceTimersByTime(5000);
    expect(written).toEqual([
      expect.stringMatching(
        /^\[.{19}\] INFO 10 of 300 done, 2\.0\/s, 1 failed \(last: Connection refused\), p95 10000\.0 ms\n$/,
      ),
    ]);
    jest.advanceTimersByTime(5000);
    expect(written[1]).toContain('10 of 300 done, 0.0/s');
    shown.stop();
    jest.advanceTimersByTime(60_000);
    expect(written.length).toBe(2);
  });

  it('the age of a request that hangs', () => {
    const { shown } = progress(false, 80, systemClock.monotonicMs());
    expect(shown.text()).toBe('0 of 300 done, 0.0/s, 0 failed');
    jest.advanceTimersByTime(3200);
    expect(shown.text()).toBe('0 of 300 done, 0.0/s, 0 failed, oldest request 3.2 s');
    shown.stop();
  });

  it('on a terminal: one line, cut to its width, removed at the end', () => {
    const { written, shown } = progress(true, 20);
    jest.advanceTimersByTime(1000);
    shown.stop();
    expect(written).toEqual(['\r\u001b[2K0 of 300 done, 0.0/', '\r\u001b[2K0 of 300 done, 0.0/', '\r\u001b[2K']);
  });

  it('the rate covers the last seconds, not the whole run', () => {
    const { shown } = progress(true);
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 100; i++) shown.add(done(1));
      jest.advanceTimersByTime(1000);
    }
    jest.advanceTimersByTime(10_000);
    expect(shown.text()).toContain('2000 of 300 done, 0.0/s');
    shown.stop();
  });
});

describe('the summary', () => {
  it('of no requests', () => {
    const text = summaryText(summarize([]), { durationSecs: 0, interruptedCount: 0, unreached: [] });
    expect(text.split('\n')).toEqual([
      'Requests:  0 in 0.0 s',
      'Failed:    0 (0.00%)',
      'Latency:   none (no request was successful)',
      'Servers:   none',
      'Traffic:   0.0 MB sent, 0.0 MB received',
      'Retries:   0',
      'Hedged:    0',
    ]);
  });
});
