import { fairTimeout } from '../../../src/core/system/fair-timeout';

let aheadMs = 0;
let calls = 0;

beforeEach(() => {
  jest.useFakeTimers();
  aheadMs = 0;
  calls = 0;
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

it('expires when it is due', () => {
  fairTimeout(1000, () => (calls += 1));
  jest.advanceTimersByTime(999);
  expect(calls).toBe(0);
  jest.advanceTimersByTime(1);
  expect(calls).toBe(1);
  expect(jest.getTimerCount()).toBe(0);
});

it('is due again a little later if this process stood still', () => {
  fairTimeout(300, () => (calls += 1));
  aheadMs = 12_500;
  jest.advanceTimersByTime(300);
  expect(calls).toBe(0);
  jest.advanceTimersByTime(300);
  expect(calls).toBe(1);
});

it('is cancelled before and after such a pause', () => {
  fairTimeout(300, () => (calls += 1))();
  const cancel = fairTimeout(300, () => (calls += 1));
  aheadMs = 12_500;
  jest.advanceTimersByTime(300);
  cancel();
  jest.advanceTimersByTime(5000);
  expect({ calls, timers: jest.getTimerCount() }).toEqual({ calls: 0, timers: 0 });
});
