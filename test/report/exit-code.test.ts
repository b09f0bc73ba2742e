import { parseThreshold } from '../../src/core/metrics/threshold';
import { exitCodeOfCompare, exitCodeOfReport } from '../../src/report/exit-code.pure';
import { clientFile, executed, generated, request, runFile, useLab } from './lab';

const lab = useLab();

const SUMS = { latency_min_ms: 20, latency_max_ms: 20, latency_avg_ms: 20, server_distribution: { 1: 10 } };

/** A run in which all is well, except that the load generator was busy if `busy`. */
function run(busy: boolean, ...expressions: string[]) {
  lab.requests(Array.from({ length: 10 }, (_, at) => request(at + 1, at * 1000)));
  lab.events(
    1,
    Array.from({ length: 10 }, (_, at) => executed(at * 1000 + 5, 1, at + 1)),
  );
  const samples = Array.from({ length: 10 }, (_, at) =>
    generated(at * 1000, { sent: 1, event_loop_utilization_percent: busy ? 99 : 15 }),
  );
  lab.write('metrics/machine_1_generator.ndjson', samples.map((each) => `${JSON.stringify(each)}\n`).join(''));
  lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 1 } }));
  const stats = { successful_requests: 10, failed_requests: 0, failure_rate: 0, failure_reasons: {}, ...SUMS };
  lab.write('metrics/machine_1_client_1.json', clientFile('Machine_1_Client_1', stats, { run_id: 'run-1' }));
  return lab.report({ thresholds: expressions.map((each) => parseThreshold(each)) });
}

test('all is well', () => expect(exitCodeOfReport(run(false))).toBe(0));

test('a load whose generator was the bottleneck is invalid: 4, as if it was cut short', () => {
  const report = run(true);
  expect(report.verdict.kind).toBe('invalid');
  expect(report.inputs.missing).toEqual([]);
  expect(exitCodeOfReport(report)).toBe(4);
});

test('a crossed threshold comes first', () => expect(exitCodeOfReport(run(true, 'p50<1ms'))).toBe(3));

test('a comparison with an invalid or unverified run is so too, with a wrong one wrong', () => {
  const side = (verdict: string) => ({ verdict, is_incomplete: verdict === 'not verified' });
  expect(exitCodeOfCompare({ a: side('facts'), b: side('not verified') })).toBe(4);
  expect(exitCodeOfCompare({ a: side('facts'), b: side('invalid') })).toBe(4);
  expect(exitCodeOfCompare({ a: side('wrong'), b: side('invalid') })).toBe(3);
  expect(exitCodeOfCompare({ a: side('facts'), b: side('crossed') })).toBe(0);
  // A crossed threshold does not make known what is unknown, nor what could not be read.
  expect(exitCodeOfCompare({ a: { ...side('crossed'), is_incomplete: true }, b: side('facts') })).toBe(4);
});
