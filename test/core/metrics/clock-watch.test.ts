import { ClockWatch, clockText } from '../../../src/core/metrics/clock-watch';
import type { ClockLook } from '../../../src/core/environment';
import { systemClock } from '../../../src/core/system/system-clock';

function looked(wallMs: number, more: Partial<ClockLook> = {}): ClockLook {
  return { unixMs: 1000, wallMs, machineMs: 50, suspendedMs: 0, bootId: 'b', ...more };
}

it('reports at the first look, then only changes beyond the reading error', () => {
  const watch = new ClockWatch();
  const first = { time: 1000, by_ms: null, ahead_ms: 0, machine_ms: 50, suspended_ms: 0, boot_id: 'b' };
  expect(watch.look(looked(1000))).toEqual(first);
  expect(watch.look(looked(1024))).toBeNull();
  expect(watch.look(looked(976))).toBeNull();
  expect(watch.look(looked(7_201_000))).toMatchObject({ by_ms: 7_200_000, ahead_ms: 7_200_000 });
  expect(watch.look(looked(7_201_000))).toBeNull();
  expect(watch.look(looked(1000))).toMatchObject({ by_ms: -7_200_000, ahead_ms: 0 });
});

it('notices a slow drift: it compares with the last report', () => {
  const watch = new ClockWatch();
  const told = Array.from({ length: 101 }, (_, index) => watch.look(looked(1000 + index))).filter((note) => note);
  expect(told).toMatchObject([0, 25, 50, 75, 100].map((ahead_ms) => ({ ahead_ms })));
});

it('tells people only about noticeable steps', () => {
  const note = { ahead_ms: 7_200_000, machine_ms: 0, suspended_ms: 0, boot_id: null };
  expect(clockText({ ...note, by_ms: null })).toBeNull();
  expect(clockText({ ...note, by_ms: -99 })).toBeNull();
  expect(clockText({ ...note, by_ms: 7_200_000 })).toBe(
    'The wall clock went forward by 7200.0 s: it is 7200.0 s ahead of the times in the files, which the report corrects',
  );
  expect(clockText({ ...note, by_ms: -500, ahead_ms: -500 })).toMatch(
    /went back by 0\.5 s: it is 0\.5 s behind the times/,
  );
});

it('the clocks of this machine agree with each other', () => {
  const [one, other] = [systemClock.look!(), systemClock.look!()];
  expect(Math.abs(one.wallMs - Date.now())).toBeLessThan(1000);
  // The machine's boot time, by each of the looks.
  const starts = [one, other].map(({ unixMs, machineMs }) => unixMs - machineMs);
  expect(Math.abs(starts[0]! - starts[1]!)).toBeLessThan(0.01);
  expect(Math.abs(one.suspendedMs - other.suspendedMs)).toBeLessThan(25);
  expect(one.bootId).toBe(other.bootId);
});
