/** Requests without a record are failures, wherever others or the client's own sums show that they existed. */
import fc from 'fast-check';
import { buildReport } from '../../../src/report/analyze/build';
import { clientFile, fault, request, runFile, useLab } from '../lab';

const lab = useLab();
const CLIENT = 'metrics/machine_1_client_1.json';
const counts = () => {
  const { total_requests: total, failed_requests: failed, missing_records: missing } = lab.report();
  return { total, failed, missing };
};
const said = (successful: number): void =>
  void lab.write(
    CLIENT,
    clientFile(
      'Machine_1_Client_1',
      { total_requests: successful, successful_requests: successful, failed_requests: 0 },
      { run_id: 'run-1' },
    ),
  );

test('each client numbers its requests from 1; their order in the file does not matter', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 }), (all) => {
      const ids = [...new Set(all)];
      lab.requests(ids.map((id) => request(id, id * 10)));
      const missing = Math.max(...ids) - ids.length;
      expect(counts()).toEqual({ total: Math.max(...ids), failed: missing, missing });
    }),
    { numRuns: 50 },
  );
});

test('more gaps than are kept are counted all the same', () => {
  const ids = Array.from({ length: 3000 }, (_, index) => 2 * (index + 1));
  // The last ones fill gaps: one that is kept, and one of those that are merged.
  lab.requests([...ids, 3, 5001].map((id) => request(id, id)));
  expect(counts()).toEqual({ total: 6000, failed: 2998, missing: 2998 });
});

test('the records of a client in several files are taken together', () => {
  const at = (ids: readonly number[], folder: string) =>
    lab.requests(
      ids.map((id) => request(id, id * 10)),
      `${folder}/machine_1_requests.ndjson`,
    );
  at([1, 4, 6], 'a');
  at([1, 2, 4], 'b');
  const report = buildReport(lab.read(undefined, ['a', 'b']), { thresholds: [] });
  expect(report).toMatchObject({ total_requests: 6, successful_requests: 4, failed_requests: 2, missing_records: 2 });
});

test('gaps and sums that show the same missing records count them once', () => {
  lab.requests([1, 2, 5].map((id) => request(id, id * 10)));
  said(5);
  expect(counts()).toEqual({ total: 5, failed: 2, missing: 2 });
  // Two are in the gap, and three more were after the last one.
  said(8);
  expect(counts()).toEqual({ total: 8, failed: 5, missing: 5 });
  // The sums of a client do not have undecided requests.
  said(3);
  expect(counts()).toEqual({ total: 5, failed: 2, missing: 2 });
});

test('undecided requests are not missing from sums', () => {
  lab.requests([request(1, 0), request(2, 10, { outcome: 'interrupted' }), request(3, 20, { outcome: 'unsent' })]);
  said(1);
  expect(counts()).toEqual({ total: 3, failed: 0, missing: 0 });
});

test('latencies of failures without a record are unknown, and no less than any other', () => {
  lab.requests([request(1, 0), request(3, 20)]);
  const config = { request_timeout_secs: 5 };
  lab.write('metrics/machine_1_run.json', runFile({ config }));
  expect(lab.report().all_stats).toMatchObject({ min_ms: 20, median_ms: 20, p95_ms: null, avg_ms: null, max_ms: null });
});

test('a failure counts with the longest that a success can take', () => {
  lab.requests([request(1, 0), request(2, 20, { outcome: 'failure' })]);
  const config = { request_timeout_secs: 5 };
  lab.write('metrics/machine_1_run.json', runFile({ config }));
  expect(lab.report().all_stats).toMatchObject({ avg_ms: 5020 / 2, p95_ms: 5000, max_ms: 5000 });
  // At a rate, a request may wait for a client as long as it may take.
  lab.write('metrics/machine_1_run.json', runFile({ config: { ...config, rate_per_second: 10 } }));
  expect(lab.report().all_stats.max_ms).toBe(10_000);
});

describe('what a fault cost', () => {
  /** A request every 10 ms for ten seconds, by ten clients in turn, each of which loses the records of some. */
  const load = (lost: readonly number[]) =>
    lab.requests(
      Array.from({ length: 1000 }, (_, n) => n)
        .filter((n) => !lost.includes(n))
        .map((n) => request(Math.floor(n / 10) + 1, n * 10, { client_id: (n % 10) + 1 })),
    );
  const cost = () => {
    const { slow_limits_ms: limits, faults } = lab.report();
    const { felt_ms: felt, unknown } = faults![0]!;
    return { limit: limits!['small.png'], felt, why: unknown.felt_ms };
  };
  beforeEach(() => void lab.faults([fault(3000, 1, 'kill'), fault(4000, 1, 'restart')]));

  test('is known without gaps, or with one after it', () => {
    load([]);
    expect(cost()).toEqual({ limit: 40, felt: 0, why: undefined });
    load([700]);
    expect(cost()).toEqual({ limit: 40, felt: 0, why: undefined });
  });

  test('is unknown with a gap near it', () => {
    load([350]);
    expect(cost()).toEqual({ limit: 40, felt: null, why: 'records of requests near it are missing' });
    // A client that wrote nothing for a while may have waited for its request all the time.
    load([295]);
    expect(cost().felt).toBeNull();
  });

  test('is unknown with a gap in the baseline, which then has no slow limits', () => {
    load([100]);
    expect(cost()).toMatchObject({ limit: null, felt: null, why: expect.stringMatching(/has no slow limit/) });
  });

  test('is unknown if a client has no records, or fewer than its sums', () => {
    load([]);
    lab.write('metrics/machine_1_client_11.json', clientFile('Machine_1_Client_11', {}, { run_id: 'run-1' }));
    expect(cost()).toMatchObject({ limit: null, felt: null });
    lab.write('metrics/machine_1_client_11.json', '');
    said(101);
    // It may have been due at the end, long after the fault.
    expect(cost()).toEqual({ limit: 40, felt: 0, why: undefined });
    load(Array.from({ length: 65 }, (_, n) => (n + 35) * 10));
    // The first client's last record is of 3400 ms.
    expect(cost()).toMatchObject({ limit: 40, felt: null, why: 'records of requests near it are missing' });
  });
});
