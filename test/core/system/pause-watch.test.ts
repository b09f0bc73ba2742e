import { PauseWatch } from '../../../src/core/system/pause-watch';
import { systemClock } from '../../../src/core/system/system-clock';

let nowMs = 0;
const seen: [number, number][] = [];
const listener = { onResume: (pausedMs: number, atMs: number) => void seen.push([pausedMs, atMs]) };

beforeEach(() => {
  jest.useFakeTimers();
  nowMs = 1000;
  seen.length = 0;
});
afterEach(() => void jest.useRealTimers());

/** Passes time in which timers fire. */
function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += 10) {
    nowMs += 10;
    jest.advanceTimersByTime(10);
  }
}

const newWatch = (): PauseWatch => new PauseWatch({ ...systemClock, monotonicMs: () => nowMs });

it('a process that runs is never paused, however seldom anyone looks', () => {
  const watch = newWatch();
  watch.add(listener);
  pass(5000);
  expect({ at: watch.look(), resumedMs: watch.resumedMs, seen }).toEqual({ at: 6000, resumedMs: -Infinity, seen: [] });
  watch.remove(listener);
});

it('a pause is told once, before the first look after it returns', () => {
  const watch = newWatch();
  watch.add(listener);
  pass(1000);
  nowMs += 12_500;
  expect({ at: watch.look(), resumedMs: watch.resumedMs }).toEqual({ at: 14_500, resumedMs: 14_500 });
  expect(seen).toEqual([[12_500, 14_500]]);
  watch.look();
  pass(1000);
  expect(seen.length).toBe(1);
  watch.remove(listener);
});

it('a busy event loop is no pause', () => {
  const watch = newWatch();
  watch.add(listener);
  nowMs += 450;
  watch.look();
  expect(seen).toEqual([]);
  watch.remove(listener);
});

it('while nobody listens, no time is a pause, and no timer runs', () => {
  const watch = newWatch();
  nowMs += 60_000;
  watch.look();
  watch.add(listener);
  watch.remove(listener);
  expect(jest.getTimerCount()).toBe(0);
  nowMs += 60_000;
  watch.add(listener);
  watch.look();
  expect({ seen, resumedMs: watch.resumedMs }).toEqual({ seen: [], resumedMs: -Infinity });
  watch.remove(listener);
});
