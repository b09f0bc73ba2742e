import { parseThreshold } from '../../../src/core/metrics/threshold';
import { checkThresholds } from '../../../src/report/analyze/checks';
import { fault, request, runFile, useLab } from '../lab';

const lab = useLab();

/** 100 requests of 10 to 1000 ms over 10 s, one failed, which counts with 10 s; 60 to server 1, 40 to server 2. */
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
  const config = { num_clients: 1, request_timeout_secs: 10, server_addresses: ['a:8101', 'b:8101'] };
  lab.write('metrics/machine_1_run.json', runFile({ config }));
});

test.each([
  ['failure_rate<1%', 1, false],
  ['failure_rate<=1%', 1, true],
  ['failure_rate <= 1', 1, true],
  ['p50<496ms', 505, false],
  ['p50 <= 0.505s', 505, true],
  ['p95>900ms', 955, true],
  ['p99<1s', (990 + 10_000) / 2, false],
  ['p99.9<20s', null, false],
  ['max>=990ms', 10_000, true],
  ['max<990', 990, null],
  ['min>5ms', 10, true],
  ['avg<=595.1ms', 595, true],
  ['imbalance<1.2', 1.2, false],
  ['imbalance<1.21', 1.2, true],
  ['throughput>=9.9', 9.9, true],
  ['throughput>9.9', 9.9, false],
])('%s', (expression, value, passed) => {
  if (passed === null) return expect(() => parseThreshold(expression)).toThrow('max in ms or s');
  const [result] = lab.report({ thresholds: [parseThreshold(expression)] }).thresholds;
  const unit = { failure_rate: '%', imbalance: '', throughput: '/s' }[/^[a-z_]+/.exec(expression)![0]] ?? 'ms';
  expect(result).toEqual({ expression, value: value === null ? null : expect.closeTo(value, 1), unit, passed });
});

test('recovery is that of the worst fault; unknown does not pass', () => {
  const recovery = () => lab.report({ thresholds: [parseThreshold('recovery<2s')] }).thresholds[0];
  expect(recovery()).toEqual({ expression: 'recovery<2s', value: null, unit: 'ms', passed: false });
  lab.faults([fault(1000, 1, 'kill'), fault(1500, 1, 'restart')]);
  const report = lab.report();
  const times = [100, 1999, 50].map((ms) => ({ ...report.faults![0]!, recovered_ms: ms, felt_ms: ms / 2 }));
  const [passed] = checkThresholds({ ...report, faults: times }, [parseThreshold('recovery<2s')]);
  expect(passed).toEqual({ expression: 'recovery<2s', value: 1999, unit: 'ms', passed: true });
  const [felt] = checkThresholds({ ...report, faults: times }, [parseThreshold('felt<999ms')]);
  expect(felt).toEqual({ expression: 'felt<999ms', value: 999.5, unit: 'ms', passed: false });
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
    /metrics are failure_rate, min, avg, p50, p95, p99, p99\.9, max, recovery, felt, imbalance, throughput$/,
  );
  expect(parse).not.toThrow(/\u001b/);
});
