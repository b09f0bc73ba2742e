/** A stall before the first fault makes slow limits loose, so that faults look cheaper: the self-check says so. */
import { fault, request, useLab } from '../lab';

const lab = useLab();

/** A request every 100 ms for 30 s; those due from `from` on, for `ms`, hang until its end. One fault at 20 s. */
function run(from: number, ms: number, faulty = true): void {
  lab.requests(
    Array.from({ length: 300 }, (_, at) => {
      const due = at * 100;
      const hangs = due >= from && due < from + ms;
      return request(at + 1, due, { latency_ms: hangs ? from + ms - due + 20 : 20 + (at % 7) });
    }),
  );
  lab.faults(faulty ? [fault(20_000, 1, 'kill'), fault(22_000, 1, 'restart')] : []);
}
const told = (options = {}): string[] => lab.report(options).self_check.filter((text) => text.includes('look cheaper'));

test('a steady baseline', () => {
  run(0, 0);
  expect(told()).toEqual([]);
});

test('a stall of 3 s of 20 s raises the slow limit itself, so that no window is bad: the limit is too far from the median', () => {
  run(8000, 3000);
  expect(lab.report().baseline!.bad_window_share).toBe(0);
  expect(told()).toEqual([
    'Before the first fault the slowest requests of small.png took more than 15 times their median: the baseline held a ' +
      'stall, its slow limits are loose, and faults may look cheaper than they were. Repeat the run, or fix the limits with --slow-limit.',
  ]);
});

test('a shorter one makes windows bad', () => {
  run(8000, 800);
  const { bad_window_share: share } = lab.report().baseline!;
  expect(share).toBeLessThanOrEqual(0.05);
  expect(told()).toEqual([]);
  // Ten of 200 requests do not reach the p95, but hang for five times a quarter of a second.
  run(8000, 1000);
  expect(lab.report().baseline!.bad_window_share).toBeGreaterThan(0.05);
  expect(told()).toEqual([
    expect.stringMatching(
      /^Before the first fault [\d.]+% of the windows were bad \(usual: at most 5%\): slow limits may be loose, and faults may look cheaper than they were\. /,
    ),
  ]);
});

test('without faults, or with limits that are fixed, nothing depends on it', () => {
  run(8000, 3000, false);
  expect(told()).toEqual([]);
  run(8000, 3000);
  expect(told({ slowLimitMs: 100 })).toEqual([]);
});
