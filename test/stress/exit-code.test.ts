import { exitCodeOfStress } from '../../src/stress/exit-code.pure';

const GOOD = {
  wrong_carriers: 0,
  interrupted: false,
  thresholds: [],
  aborted_by: null,
  problem: null,
  reached: true,
  generator: { saturated: false },
};
const CROSSED = { expression: 'p99<1ms', value: 20, unit: 'ms' as const, passed: false };

test.each<[string, Partial<Parameters<typeof exitCodeOfStress>[0]>, number]>([
  ['all is well', {}, 0],
  ['a threshold holds', { thresholds: [{ ...CROSSED, passed: true }] }, 0],
  ['no server was reached', { reached: false }, 4],
  ['a file is incomplete', { problem: 'full' }, 4],
  ['the load generator was the bottleneck', { generator: { saturated: true } }, 4],
  [
    'a threshold is crossed, and the generator was the bottleneck',
    { thresholds: [CROSSED], generator: { saturated: true } },
    3,
  ],
  ['a threshold is crossed', { thresholds: [CROSSED], problem: 'full' }, 3],
  ['it was aborted', { aborted_by: CROSSED, problem: 'full' }, 3],
  ['interrupted, and a threshold is crossed', { interrupted: true, thresholds: [CROSSED] }, 130],
  ['interrupted, and a carrier was wrong', { interrupted: true, wrong_carriers: 1 }, 3],
])('%s', (_, more, code) => expect(exitCodeOfStress({ ...GOOD, ...more })).toBe(code));
