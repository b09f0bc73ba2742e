import { dueTimes } from '../../../src/client/pacer.pure';
import { plannedCount } from '../../../src/report/read/plan';
import { request, runFile, T0, useLab } from '../lab';

const lab = useLab();
const loadOf = (config: object, endedMs = 60_000) =>
  JSON.parse(runFile({ config: { num_clients: 2, ...config } as never, ended_at: T0 + endedMs })) as never;

test.each([
  [100, 5, 0],
  [7.3, 5, 0],
  [25, 5, 2],
  [3, 10, 10],
  [0.1, 5, 0],
])('an open loop of %d/s for %d s with a ramp-up of %d s: as many as its schedule', (rate, secs, rampUp) => {
  const config = { rate_per_second: rate, arrivals: 'uniform', duration_secs: secs, ramp_up_secs: rampUp };
  const schedule = {
    ratePerSecond: rate,
    arrivals: 'uniform',
    rampUpMs: rampUp * 1000,
    durationMs: secs * 1000,
  } as const;
  const due = [...dueTimes(schedule, Math.random)];
  expect(plannedCount(loadOf(config))).toBe(due.length);
  // The load may be over as soon as the last one has ended, but not before.
  expect(plannedCount(loadOf(config, due.at(-1)! + 1))).toBe(due.length);
});

test.each([
  ['a closed loop by number', { requests_per_client: 5 }, 10],
  ['both limits', { requests_per_client: 5, rate_per_second: 100, arrivals: 'uniform', duration_secs: 60 }, 10],
  ['a closed loop by time', { requests_per_client: 5, duration_secs: 60 }, null],
  ['random arrivals', { rate_per_second: 5, arrivals: 'poisson', duration_secs: 60 }, null],
  ['one that may abort', { requests_per_client: 5, abort_on: ['p95<1s'] }, null],
  ['a damaged file', { num_clients: 'two', requests_per_client: 5 }, null],
  ['one that ended before its time', { rate_per_second: 5, arrivals: 'uniform', duration_secs: 61 }, null],
])('%s', (_, config, count) => {
  expect(plannedCount(loadOf(config))).toBe(count);
});

test('a load without an end has no plan', () => {
  const load = loadOf({ requests_per_client: 5 });
  expect(plannedCount({ ...(load as object), ended_at: null } as never)).toBeNull();
});

test('what ended it counts', () => {
  const load = loadOf({ requests_per_client: 5, abort_on: ['p95<1s'] }) as object;
  expect(plannedCount({ ...load, ended_by: 'plan' } as never)).toBe(10);
  for (const endedBy of ['caller', 'threshold', 'interrupt', 'error']) {
    expect(plannedCount({ ...load, ended_by: endedBy } as never)).toBeNull();
  }
});

test('planned requests without a record are failures', () => {
  lab.requests([request(1, 0), request(2, 1000), request(3, 2000)]);
  const config = { num_clients: 1, rate_per_second: 1, arrivals: 'uniform', duration_secs: 5, ramp_up_secs: 0 };
  lab.write('metrics/machine_1_run.json', runFile({ config: config as never, ended_at: T0 + 5000 }));
  const { total_requests, missing_records, failed_requests, goodput_per_s } = lab.report();
  expect({ total_requests, missing_records, failed_requests, goodput_per_s }).toEqual({
    total_requests: 5,
    missing_records: 2,
    failed_requests: 2,
    goodput_per_s: 0.6,
  });
});
