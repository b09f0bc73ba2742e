import { parseThreshold } from '../../../src/core/metrics/threshold';
import { rateText } from '../../../src/core/metrics/failure-scale';
import { event, executed, fault, generated, lines, request, runFile, T0, useLab } from '../lab';

const lab = useLab();
const COUNT = 1000;

/** A run of 10 s in which all is known: 1,000 requests, each of them executed by server 1. */
function goodRun(make: (id: number) => Parameters<typeof request>[2] = () => ({})): void {
  lab.requests(Array.from({ length: COUNT }, (_, at) => request(at + 1, at * 10, make(at + 1))));
  lab.events(
    1,
    Array.from({ length: COUNT }, (_, at) => executed(at * 10 + 15, 1, at + 1)),
  );
  lab.write('metrics/machine_1_run.json', runFile({ config: { request_timeout_secs: 2 } }));
  lab.write('metrics/machine_1_generator.ndjson', `${JSON.stringify(generated(1000, { sent: COUNT }))}\n`);
  lab.write('metrics/machine_1_client_1.json', summary(COUNT));
  lab.faults([]);
}

/** The file that a client writes at its end. */
function summary(count: number, more: object = {}): string {
  const counts = { total_requests: count, successful_requests: count, failed_requests: 0, failure_rate: 0 };
  const latencies = { latency_min_ms: 20, latency_max_ms: 20, latency_avg_ms: 20 };
  const others = {
    server_distribution: { 1: count },
    failure_reasons: {},
    retry_count: 0,
    bytes_sent: 1,
    bytes_received: 1,
  };
  const stats = { ...counts, ...latencies, ...others, ...more };
  const head = { client_name: 'Machine_1_Client_1', run_id: 'run-1', test_duration_secs: 10 };
  return JSON.stringify({ ...head, aggregated_stats: stats, latency_digest: [[20, count]] });
}

const verdict = (...expressions: string[]) =>
  lab.report({ thresholds: expressions.map((each) => parseThreshold(each)) }).verdict;

test('without faults, facts and no scale', () => {
  goodRun();
  expect(verdict('p99<50ms')).toEqual({
    kind: 'facts',
    text: 'No fault was made. 0.00% failed: 0 of 1000 requests failed.',
    not_verified: [],
    failure_rate: 0,
    scale: null,
    scale_text: null,
  });
});

test('with faults, what they cost', () => {
  goodRun((id) => (id > 400 && id <= 500 ? { latency_ms: 1000 } : {}));
  lab.write('metrics/machine_1_client_1.json', summary(COUNT, { latency_max_ms: 1000, latency_avg_ms: 118 }));
  lab.faults([fault(4000, 2, 'kill'), fault(6000, 2, 'restart')]);
  expect(verdict()).toMatchObject({
    kind: 'facts',
    text: '1 fault, 0 of 1000 requests failed, felt at most 2.00 s.',
    scale: 'excellent',
  });
});

test.each([1, 5])(
  '%i wrong carriers are wrong, whatever the failure rate, and come before a crossed threshold',
  (wrong) => {
    goodRun((id) => (id <= wrong ? { outcome: 'failure', failure_reason: 'Verification failed' } : {}));
    expect(verdict('p99<1ms')).toMatchObject({
      kind: 'wrong',
      text: expect.stringMatching(/^Wrong: \d wrong carriers? \(server 1: \d\)\.$/),
    });
  },
);

test('an audit that does not add up is wrong', () => {
  goodRun();
  lab.events(1, [executed(15, 1, 1)]);
  expect(verdict()).toMatchObject({ kind: 'wrong', text: expect.stringContaining('the audit does not add up') });
});

test('a load that was killed is invalid', () => {
  goodRun();
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: null, config: { num_clients: 1 } }));
  expect(verdict()).toMatchObject({
    kind: 'invalid',
    text: 'Invalid: the load was cut short of its plan, or files of it are missing or damaged.',
  });
});

describe('evidence that other files show to be missing: not verified, whatever else is fine', () => {
  const started = (at: number, by: number) => event(at, by, { event: 'started', incarnation: 'a', address: 'a' });
  const CUT = 'whether the load generator of machine 1 kept up (its samples tell of 900 of its 1000 requests)';
  const DAMAGED_FAULTS = 'which faults were made (lines of the file of faults are damaged)';
  const SUMS = 'what 1 client measured (their own sums differ from their records)';
  const usual = () => Array.from({ length: COUNT }, (_, at) => request(at + 1, at * 10));
  test.each<[string, () => void, string]>([
    [
      'samples of the load generator',
      () => lab.write('metrics/machine_1_generator.ndjson', lines([generated(1000, { sent: 900 })])),
      CUT,
    ],
    [
      'the time of a failure: it is in no fault any more',
      () => {
        const all = usual();
        all[500] = request(501, -60_000);
        lab.requests(all);
      },
      'when 1 request was due (not while the load ran, by its run file)',
    ],
    [
      'which of two records is true',
      () => lab.requests([...usual(), request(501, 5000, { outcome: 'failure' })]),
      'which record of 1 request is true (there are two that differ)',
    ],
    [
      'which of two latencies is true',
      () => lab.requests([...usual(), request(501, 5000, { latency_ms: 9000 })]),
      'which record of 1 request is true (there are two that differ)',
    ],
    [
      'a latency, by the sums of its client',
      () =>
        lab.write('metrics/machine_1_client_1.json', summary(COUNT, { latency_max_ms: 900, latency_avg_ms: 20.88 })),
      SUMS,
    ],
    [
      'the server of a request, by the sums of its client',
      () => lab.write('metrics/machine_1_client_1.json', summary(COUNT, { server_distribution: { 1: 999, 2: 1 } })),
      SUMS,
    ],
    [
      'the retries of a request, by the sums of its client',
      () => lab.write('metrics/machine_1_client_1.json', summary(COUNT, { retry_count: 1 })),
      SUMS,
    ],
    [
      'a record',
      () =>
        lab.write('metrics/machine_1_requests.ndjson', lines(usual()).replace('"request_id":501', '"request_id":-1')),
      'which requests there were (1 line of records is damaged)',
    ],
    ['lines of faults, damaged', () => lab.write('fault_events.ndjson', '{"time":1\n'), DAMAGED_FAULTS],
    [
      'a line of a fault',
      () => lab.write('fault_events.ndjson', lines([fault(4000, 2, 'kill', { outcome: 'started' })])),
      'which faults were made (a line is missing in the file of faults)',
    ],
    [
      'a fault that its server shows: it started again without having stopped',
      () => lab.events(2, [started(-10, 2), event(3900, 2, { event: 'peer_up', peer_id: 1 }), started(6000, 2)]),
      'why server 2 started again (no fault in the file explains it)',
    ],
  ])('%s', (_, loses, text) => {
    goodRun();
    expect(verdict().kind).toBe('facts');
    loses();
    expect(verdict()).toMatchObject({ kind: 'not verified', not_verified: expect.arrayContaining([text]) });
  });

  test.each([
    ['name', ['Machine_1_Client_1', 'Machine_1_Client_2']],
    ['run', ['run-1', 'run-0']],
  ] as const)('the %s of a client: its requests do not count twice', (_, [from, to]) => {
    goodRun((id) => (id > 900 ? { outcome: 'failure' } : {}));
    lab.write('metrics/machine_1_client_1.json', summary(900, { failed_requests: 100, total_requests: COUNT }));
    const { failure_rate: rate, total_requests: total } = lab.report();
    expect([rate, total]).toEqual([10, COUNT]);
    const whole = summary(900, { failed_requests: 100, total_requests: COUNT });
    lab.write('metrics/machine_1_client_1.json', whole.replace(from, to));
    const report = lab.report();
    expect([report.failure_rate, report.total_requests, report.verdict.kind]).toEqual([10, COUNT, 'invalid']);
  });

  test('a run file with wrong times: its records count, and the times are not verified', () => {
    goodRun();
    lab.write('metrics/machine_1_run.json', runFile({ started_at: T0 - 3_600_000, ended_at: T0 - 3_590_000 }));
    const { total_requests: total, missing_records: missing, verdict: told } = lab.report();
    expect([total, missing]).toEqual([COUNT, 0]);
    expect(told.not_verified).toContain('when 1000 requests were due (not while the load ran, by its run file)');
  });

  test('a restart that a fault explains, or after a stop, is none', () => {
    goodRun();
    lab.faults([fault(4000, 2, 'kill'), fault(5990, 2, 'restart')]);
    lab.events(2, [
      ...[started(-10, 2), event(3900, 2, { event: 'peer_up', peer_id: 1 }), started(6000, 2)],
      ...[event(7000, 2, { event: 'stopped' }), started(8000, 2)],
    ]);
    expect(verdict().kind).toBe('facts');
  });
});

test('a crossed threshold', () => {
  goodRun();
  expect(verdict('p99<1ms', 'max<1s')).toMatchObject({ kind: 'crossed', text: 'Crossed: p99<1ms.' });
});

test('a check that is unknown is not verified', () => {
  goodRun();
  const rules = [{ rule: 'S6', verdict: 'unknown' as const, problems: ['x'] }];
  expect(lab.report({ rules }).verdict).toMatchObject({ kind: 'not verified', text: 'Not verified: S6.' });
});

test.each([
  [0, '0.00%'],
  [0.995, '0.99%'],
  [0.9951, '0.995%'],
  [1, '1.00%'],
  [4.9999, '5.00%'],
  [5, '5.00%'],
  [5.0001, '5.0001%'],
  [100 / 3, '33.33%'],
])('a rate of %d percent stays on its side of the limits: %s', (rate, text) => expect(rateText(rate)).toBe(text));

test.each([
  ['machine_1_generator.ndjson', 'whether the load generator of machine 1 kept up (there are no samples of it)'],
  ['machine_1_run.json', 'the plan, the warm-up and the end of the load of machine 1 (there is no run file)'],
])('without %s, a run that was fine is not verified', (name, text) => {
  goodRun();
  expect(verdict().kind).toBe('facts');
  lab.remove(`metrics/${name}`);
  expect(verdict()).toMatchObject({ kind: 'not verified', text: `Not verified: ${text}.` });
  expect(verdict('throughput>1').kind).toBe(name.includes('run') ? 'crossed' : 'not verified');
});
