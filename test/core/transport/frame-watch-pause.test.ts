import type { Connection } from '../../../src/core/transport/connection';
import { FrameWatch } from '../../../src/core/transport/frame-watch';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Watches a connection inside a frame, with output that nobody takes; the process stands still for `pausedMs`. */
function watched(pausedMs: number) {
  let aheadMs = 0;
  const monotonicMs = (): number => performance.now() + aheadMs;
  const ends: string[] = [];
  const watch = new FrameWatch({ frameTimeoutMs: 30_000, writeStallMs: 60_000, monotonicMs });
  const connection = {
    insideFrame: true,
    isPaused: false,
    frameStartedMs: monotonicMs(),
    unsentBytes: 10,
    bytesWritten: 10,
    writeProgress: { takenBytes: 0, sinceMs: monotonicMs() },
    fail: () => void ends.push('frame'),
    abandon: () => void ends.push('write'),
  };
  watch.add(connection as unknown as Connection);
  jest.advanceTimersByTime(5000);
  aheadMs = pausedMs;
  jest.advanceTimersByTime(5000);
  return { ends, connection };
}

it('a pause of this process closes nothing: what the other side did meanwhile is not known yet', () => {
  const { ends } = watched(120_000);
  expect(ends).toEqual([]);
  jest.advanceTimersByTime(26_000);
  expect(new Set(ends)).toEqual(new Set(['frame']));
});

it('without one, time passes as ever', () => {
  const { ends } = watched(0);
  jest.advanceTimersByTime(21_000);
  expect(new Set(ends)).toEqual(new Set(['frame']));
});
