/**
 * One damaged request id must not count millions of requests as missing: the plan, the times and the sums bound it. Nor
 * does a damaged client id make up a client.
 */

import { clientFile, lines, request, runFile, useLab } from '../lab';

const lab = useLab();
const FAR = 9_999_999;

/** A hundred requests of one client, 100 ms apart; the id of the one at `at` is damaged. */
function damaged(id: number, at = 50): void {
  const all = Array.from({ length: 100 }, (_, index) => request(index + 1, index * 100));
  all[at] = { ...all[at]!, request_id: id };
  lab.requests(all);
}
const load = (config: object): void =>
  void lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 1, ...config } }));
const found = () => {
  const { missing_records: missing, total_requests: total, inputs, self_check: selfCheck } = lab.report();
  const { badLines, problems } = inputs.files.find(({ kind }) => kind === 'records')!;
  return { missing, total, badLines, problem: problems[0], selfCheck, notes: inputs.notes.join('\n') };
};

test('beyond the plan it is a damaged line, named, and its request has no record', () => {
  damaged(FAR);
  load({ requests_per_client: 100, min_delay_ms: 50, max_delay_ms: 200 });
  expect(found()).toMatchObject({
    missing: 1,
    total: 100,
    badLines: 1,
    problem: 'line 51: "request_id" is 9999999, expected at most 100, by the plan of the load',
    selfCheck: expect.arrayContaining(['1 line in 1 file damaged and not counted.']),
  });
  damaged(101, 99);
  expect(found()).toMatchObject({ missing: 1, total: 100, badLines: 1 });
});

test('a client that the plan does not have is a damaged line, not one more client with wrong carriers', () => {
  const all = Array.from({ length: 100 }, (_, index) => request(index + 1, index * 100));
  all[50] = { ...all[50]!, client_id: 7000 };
  lab.requests(all);
  load({ requests_per_client: 100, min_delay_ms: 50, max_delay_ms: 200 });
  const problem = 'line 51: "client_id" is 7000, expected 1 to 1, by the plan of the load';
  expect(found()).toMatchObject({ missing: 1, total: 100, badLines: 1, problem });
  all[50] = { ...all[50]!, client_id: 0 };
  lab.requests(all);
  expect(found()).toMatchObject({ missing: 1, badLines: 1 });
});

test('at a rate, the plan is that of all clients together', () => {
  damaged(FAR);
  load({ num_clients: 10, requests_per_client: 100, rate_per_second: 10 });
  expect(found()).toMatchObject({
    badLines: 1,
    problem: expect.stringContaining('expected at most 1000, by the plan'),
  });
});

test.each<[string, object]>([
  ['think times', { duration_secs: 10, min_delay_ms: 50, max_delay_ms: 200 }],
  ['a rate', { duration_secs: 10, rate_per_second: 10, arrivals: 'poisson' }],
  ['no pauses at all', { min_delay_ms: 0, max_delay_ms: 0 }],
])('without a planned number, %s tell how many there was time for', (_, config) => {
  damaged(FAR);
  load(config);
  expect(found()).toMatchObject({ badLines: 1, missing: 1, problem: expect.stringMatching(/there was no time for/) });
});

test('without a run file, the neighbours tell', () => {
  damaged(FAR);
  expect(found()).toMatchObject({ badLines: 1, missing: 1, total: 100 });
});

test('requests that were lost for a while still count, and so do those before the first record', () => {
  lab.requests([request(1, 0), request(5000, 100_000), request(5001, 100_100)]);
  expect(found()).toMatchObject({ badLines: 0, missing: 4998 });
  lab.requests([request(5000, 100_000), request(5001, 100_100)]);
  expect(found()).toMatchObject({ badLines: 0, missing: 4999 });
  load({ min_delay_ms: 10, max_delay_ms: 20 });
  expect(found()).toMatchObject({ badLines: 0, missing: 4999 });
});

test('the sums of a client with think times bound a smaller jump: at most one request was in flight', () => {
  damaged(900);
  load({ min_delay_ms: 50, max_delay_ms: 200 });
  expect(found()).toMatchObject({ badLines: 0, missing: 800 });
  const sums = { total_requests: 100, successful_requests: 100, failed_requests: 0 };
  lab.write('metrics/machine_1_client_1.json', clientFile('Machine_1_Client_1', sums, { run_id: 'run-1' }));
  expect(found()).toMatchObject({
    missing: 1,
    notes: expect.stringMatching(/ids of Machine_1_Client_1 skip 800, but .* at most 1 /),
  });
});

test('a clock that was set does not make lines damaged', () => {
  const all = Array.from({ length: 3000 }, (_, index) =>
    request(index + 1, index * 10 - (index > 1500 ? 3_600_000 : 0)),
  );
  lab.write('metrics/machine_1_requests.ndjson', lines(all));
  load({ min_delay_ms: 10, max_delay_ms: 20 });
  expect(found()).toMatchObject({ badLines: 0, missing: 0 });
});
