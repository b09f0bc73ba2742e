import { parseThreshold } from '../../../src/core/metrics/threshold';
import { checkThresholds } from '../../../src/report/analyze/checks';
import { fault, request, useLab } from '../lab';

const lab = useLab();

/** 100 requests of 10 to 1000 ms over 10 s, one failed; 60 to server 1, 40 to server 2. */
beforeEach(() => {
  lab.requests(
    Array.from({ length: 100 }, (_, id) =>
      request(id, id === 99 ? 9000 : id * 90, {
        latency_ms: 10 * (id + 1),
        outcome: id === 99 ? 'failure' : 'success',
        assigned_server_id: id < 60 ? 1 : 2,
      }),
    ),
  );
});

test.each([
  ['failure_rate<1%', 1, false],
  ['failure_rate<=1%', 1, true],
  ['failure_rate <= 1', 1, true],
  ['p50<496ms', 495 + 5, false],
  ['p50 <= 0.5s', 500, true],
  ['p95>900ms', 945.5, true],
  ['p99<1s', 985.1, true],
  ['p99.9<985ms', 990, false],
  ['max>=990ms', 990, true],
  ['max<990', 990, null],
  ['min>5ms', 10, true],
  ['avg<=500ms', 500, true],
  ['imbalance<1.2', 1.2, false],
  ['imbalance<1.21', 1.2, true],
  ['throughput>=10', 10, true],
  ['throughput>10', 10, false],
])('%s', (expression, value, passed) => {
  if (passed === null) return expect(() => parseThreshold(expression)).toThrow('max in ms or s');
  const [result] = lab.report({ thresholds: [parseThreshold(expression)] }).thresholds;
  const unit = { failure_rate: '%', imbalance: '', throughput: '/s' }[/^[a-z_]+/.exec(expression)![0]] ?? 'ms';
  expect(result).toEqual({ expression, value: expect.closeTo(value, 1), unit, passed });
});

test('recovery is that of the worst fault; unknown does not pass', () => {
  const recovery = () => lab.report({ thresholds: [parseThreshold('recovery<2s')] }).thresholds[0];
  expect(recovery()).toEqual({ expression: 'recovery<2s', value: null, unit: 'ms', passed: false });
  lab.faults([fault(1000, 1, 'kill'), fault(1500, 1, 'restart')]);
  const report = lab.report();
  const times = [100, 1999, 50].map((ms) => ({ ...report.faults![0]!, back_to_baseline_ms: ms }));
  const [passed] = checkThresholds({ ...report, faults: times }, [parseThreshold('recovery<2s')]);
  expect(passed).toEqual({ expression: 'recovery<2s', value: 1999, unit: 'ms', passed: true });
});

test.each([
  ['p98<1ms', 'a metric'],
  ['p99', 'a metric'],
  ['p99<', 'a metric'],
  ['p99=1ms', 'a metric'],
  ['constructor<1', 'a metric'],
  ['p99<-1ms', 'a metric'],
  ['p99<1%', 'p99 in ms or s'],
  ['imbalance<1ms', 'imbalance without a unit'],
  ['\u001b[31m', 'a metric'],
])('%j is refused, and the known metrics are listed', (expression, expected) => {
  const parse = () => parseThreshold(expression);
  expect(parse).toThrow(`--threshold: expected ${expected}`);
  expect(parse).toThrow(
    /metrics are failure_rate, min, avg, p50, p95, p99, p99\.9, max, recovery, imbalance, throughput$/,
  );
  expect(parse).not.toThrow(/\u001b/);
});
