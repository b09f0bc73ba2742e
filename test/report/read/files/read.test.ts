import path from 'node:path';
import { buildReport } from '../../../../src/report/analyze/build';
import { MAX_LINE_BYTES } from '../../../../src/report/read/files/file-lines';
import { clientFile, executed, fault, lines, request, useLab } from '../../lab';

const lab = useLab();
const total = (runs?: Parameters<typeof lab.read>[0], folders?: string[]): number =>
  buildReport(lab.read(runs, folders), { thresholds: [] }).total_requests;
const GOOD = request(1, 0);
const SECOND = request(2, 5);
const RECORDS = 'metrics/machine_1_requests.ndjson';

describe('damaged records', () => {
  test.each<[string, string]>([
    ['half a line', JSON.stringify(SECOND).slice(0, 50)],
    ['no JSON', 'hello \u001b[31m'],
    ['NaN', JSON.stringify(SECOND).replace('"latency_ms":20', '"latency_ms":NaN')],
    ['a negative latency', JSON.stringify({ ...SECOND, latency_ms: -1 })],
    ['a latency that overflows', JSON.stringify(SECOND).replace('"latency_ms":20', '"latency_ms":1e999')],
    ['a time that is none', JSON.stringify({ ...SECOND, start_time: 'now' })],
    ['a missing field', JSON.stringify({ ...SECOND, image: undefined })],
    ['an outcome that contradicts', JSON.stringify({ ...SECOND, outcome: 'failure' })],
    ['a list', '[1,2]'],
    ['null', 'null'],
    ['a fraction as an id', JSON.stringify({ ...SECOND, request_id: 1.5 })],
    ['zero bytes', '\0'.repeat(100)],
    ['nested lists', '['.repeat(60_000)],
    ['a line of 64 KiB and more', `"${'x'.repeat(MAX_LINE_BYTES)}"`],
    ['a line of megabytes', `"${'x'.repeat(3_500_000)}"`],
  ])('%s is named with its line; good lines count, and its request failed', (_, line) => {
    lab.write(RECORDS, `${lines([GOOD])}${line}\n${lines([request(3, 50), request(4, 80)])}`);
    const { files, missing } = lab.read();
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({ lines: 4, badLines: 1, problems: [expect.stringMatching(/^line 2: /)] });
    expect(missing).toEqual([]);
    const report = lab.report();
    expect(report).toMatchObject({ total_requests: 4, successful_requests: 3, failed_requests: 1, missing_records: 1 });
    expect(report).toMatchObject({ failure_rate: 25, failure_reasons: { 'No record': 1 } });
  });

  test('the same request again is named with its line, and counts once', () => {
    lab.requests([GOOD, request(1, 5), SECOND, request(3, 50)]);
    const { files, missing } = lab.read();
    expect(files[0]).toMatchObject({ lines: 4, badLines: 1, problems: [expect.stringMatching(/^line 2: /)] });
    expect(missing).toEqual([]);
    expect(lab.report()).toMatchObject({ total_requests: 3, missing_records: 0, failure_reasons: {} });
  });

  test('only the first few are named', () => {
    lab.write(RECORDS, `${'x\n'.repeat(1000)}${lines([GOOD])}`);
    const [file] = lab.read().files;
    expect(file!.problems).toEqual([1, 2, 3].map((n) => `line ${n}: not valid JSON`).concat('and 997 more'));
    expect(file!.badLines).toBe(1000);
    expect(total()).toBe(1);
  });

  test('a last line without its newline counts if it is complete', () => {
    lab.write(RECORDS, lines([GOOD, request(2, 30)]).trimEnd());
    expect(total()).toBe(2);
  });

  test('lines are read across block boundaries', () => {
    const many = Array.from({ length: 12_000 }, (_, id) => request(id, id));
    lab.requests(many);
    expect(lab.read().files).toMatchObject([{ lines: 12_000, badLines: 0 }]);
    expect(total()).toBe(12_000);
  });

  test('a folder with the name of a file is named, the rest is read', () => {
    lab.write('metrics/machine_2_requests.ndjson/x', '');
    lab.requests([GOOD]);
    expect(lab.read().missing).toEqual([expect.stringMatching(/machine_2_requests\.ndjson: is not a regular file$/)]);
    expect(total()).toBe(1);
  });

  test('huge and hostile ids are harmless', () => {
    const max = Number.MAX_SAFE_INTEGER;
    lab.requests([
      { ...GOOD, request_id: max, client_id: max, assigned_server_id: max, term: max, image: '__proto__' },
    ]);
    const report = lab.report();
    // A gap is of ten million requests at most.
    expect(report).toMatchObject({ total_requests: 10_000_001, successful_requests: 1, missing_records: 10_000_000 });
    expect(report.server_distribution).toEqual({ [max]: 1 });
    expect(report.images[0]!.image).toBe('__proto__');
  });

  test('a thousand hostile ids take no longer than others', () => {
    const of = (client_id: number): object => request(1e9, client_id, { client_id });
    lab.requests(Array.from({ length: 1000 }, (_, index) => of(index + 1)));
    const begunMs = performance.now();
    expect(lab.report().missing_records).toBe(1000 * 10_000_000);
    expect(performance.now() - begunMs).toBeLessThan(5000);
  });
});

describe('runs', () => {
  const old = [request(1, 0, { run_id: 'old' }), request(2, 10, { run_id: 'old' })];
  const young = [request(1, 5000, { run_id: 'young' })];

  test('the newest by its records is used, wherever it is in the file', () => {
    lab.requests([...young, ...old]);
    const inputs = lab.read();
    expect(inputs.runs).toMatchObject([
      { run_id: 'young', requests: 1, taken: true },
      { run_id: 'old', requests: 2, taken: false },
    ]);
    expect(inputs.notes).toEqual([expect.stringMatching(/has 2 runs, the newest is used/)]);
    expect(total()).toBe(1);
  });

  test('another is used on request, or all', () => {
    lab.requests([...old, ...young]);
    expect(total({ take: 'id', runId: 'old' })).toBe(2);
    expect(total({ take: 'all' })).toBe(3);
    expect(() => lab.read({ take: 'id', runId: 'none' })).toThrow(
      '--run: run "none" not found in the files; known runs: "old", "young"',
    );
  });

  test('machines have their own runs, which all count', () => {
    lab.requests(old);
    lab.requests(young, 'metrics/machine_2_requests.ndjson');
    expect(total()).toBe(3);
  });

  test('executions of an excluded run count for nobody', () => {
    lab.requests([...old, request(1, 5000)]);
    const other = { ...executed(5, 1, 2), run_id: 'old' };
    lab.events(1, [executed(5010, 1, 1), other]);
    expect(lab.report().audit).toMatchObject({ executions: 1, lost: 0, adds_up: true });
  });
});

describe('clients', () => {
  const CLIENT = 'metrics/machine_1_client_1.json';

  test('with records are counted from them, and a difference is named', () => {
    lab.requests([GOOD, request(2, 30)]);
    lab.write(CLIENT, clientFile('Machine_1_Client_1', {}, { run_id: 'run-1' }));
    const inputs = lab.read();
    expect(inputs.notes).toEqual([
      `${path.join(lab.folder, CLIENT)} says 8 successful and 2 failed requests, but its records have 2 and 0: the records are used`,
    ]);
    // The eight that are in its sums only are failures without a record.
    expect(lab.report()).toMatchObject({ total_requests: 10, successful_requests: 2, failed_requests: 8 });
    expect(lab.report()).toMatchObject({ missing_records: 8, failure_reasons: { 'No record': 8 } });
  });

  test('with fewer requests in their file than in their records miss none', () => {
    lab.requests(Array.from({ length: 11 }, (_, index) => request(index + 1, index * 30)));
    lab.write(CLIENT, clientFile('Machine_1_Client_1', {}, { run_id: 'run-1' }));
    expect(lab.read().notes).toEqual([expect.stringMatching(/its records have 11 and 0: the records are used$/)]);
    expect(lab.report()).toMatchObject({ total_requests: 11, failed_requests: 0, missing_records: 0 });
  });

  test('whose file agrees with the records cause no note', () => {
    lab.requests([GOOD, request(2, 30, { outcome: 'failure' })]);
    const latencies = { latency_min_ms: 20, latency_max_ms: 20, latency_avg_ms: 20, server_distribution: { 1: 2 } };
    const stats = { total_requests: 2, successful_requests: 1, failed_requests: 1, ...latencies };
    lab.write(CLIENT, clientFile('Machine_1_Client_1', stats, { run_id: 'run-1' }));
    expect(lab.read().notes).toEqual([]);
    expect(lab.report()).toMatchObject({ total_requests: 2, missing_records: 0 });
  });

  test('without records are counted from their file, in addition', () => {
    lab.requests([GOOD]);
    lab.write('metrics/machine_1_client_2.json', clientFile('Machine_1_Client_2', {}, { run_id: 'run-1' }));
    expect(total()).toBe(11);
  });

  test('of the original implementation have only minimum, maximum and average latency', () => {
    for (const n of [1, 2]) lab.write(`metrics/machine_1_client_${n}.json`, clientFile(`Machine_1_Client_${n}`));
    expect(lab.report()).toMatchObject({
      total_requests: 20,
      successful_requests: 16,
      failed_requests: 4,
      failure_rate: 20,
      latency_stats: { min_ms: 5, max_ms: 95, avg_ms: 50, median_ms: null, p95_ms: null, p99_ms: null },
      // The latencies of the failures are unknown.
      all_stats: { min_ms: 5, max_ms: null, avg_ms: null, median_ms: null, p95_ms: null, p99_ms: null },
      clients_without_percentiles: 2,
      duration_secs: 12.5,
      goodput_per_s: 16 / 12.5,
      throughput_per_s: 16 / 12.5,
      attempted_per_s: 20 / 12.5,
      undecided_requests: 0,
      missing_records: 0,
      server_distribution: { 1: 12, 2: 8 },
      failure_reasons: { 'Connection refused': 4 },
    });
  });

  test('digests of clients are merged with records', () => {
    const digest = {
      latency_digest: [
        [5, 1],
        [20, 6],
        [95, 1],
      ],
    };
    lab.write(CLIENT, clientFile('Machine_1_Client_1', { latency_avg_ms: 27.5 }, digest));
    lab.requests([request(1, 0, { client_id: 2 }), request(2, 30, { client_id: 2 })]);
    const { latency_stats: stats, clients_without_percentiles: mute } = lab.report();
    expect(stats).toMatchObject({ min_ms: 5, max_ms: 95, avg_ms: 26, median_ms: 20 });
    expect(mute).toBe(0);
  });

  test.each<[string, string]>([
    ['no JSON', '{"client_name":'],
    ['no object', '[]'],
    ['no statistics', '{"client_name":"a","test_duration_secs":1}'],
    ['sums that do not add up', clientFile('Machine_1_Client_9', { total_requests: 11 })],
    ['a negative count', clientFile('Machine_1_Client_9', { failure_reasons: { x: -1 } })],
    ['a text as latency', clientFile('Machine_1_Client_9', { latency_max_ms: 'much' })],
    ['a server that is no number', clientFile('Machine_1_Client_9', { server_distribution: { __proto__x: 1 } })],
    ['a wrong digest', clientFile('Machine_1_Client_9', {}, { latency_digest: [[5, -8]] })],
    ['the name of another client', clientFile('Machine_1_Client_8')],
    ['a digest of other requests', clientFile('Machine_1_Client_9', {}, { latency_digest: [[5, 7]] })],
  ])('a file with %s is named, never fatal', (_, text) => {
    lab.write('metrics/machine_1_client_9.json', text);
    lab.requests([GOOD]);
    const inputs = lab.read();
    expect(inputs.files.filter(({ badLines }) => badLines > 0)).toMatchObject([{ kind: 'client', lines: 1 }]);
    expect(inputs.clientFileCount).toBe(0);
    expect(total()).toBe(1);
  });

  test('a client that has a name of its own counts, whatever its file is called', () => {
    lab.write('metrics/machine_1_client_9.json', clientFile('laptop'));
    expect(lab.read().clientFileCount).toBe(1);
    expect(total()).toBe(10);
  });

  test('one client on two machines is named, and both count', () => {
    lab.requests([GOOD], 'a/machine_1_requests.ndjson');
    lab.requests([request(1, 0, { run_id: 'run-2' })], 'b/machine_1_requests.ndjson');
    expect(lab.read(undefined, ['a', 'b']).notes).toEqual([
      expect.stringMatching(/^The same client in several files.*Machine_1_Client_1 is in .*a.machine_1.* and .*b/),
    ]);
    expect(total(undefined, ['a', 'b'])).toBe(2);
  });

  test('copies of a machine count once', () => {
    for (const name of ['a', 'b']) {
      lab.requests([GOOD], `${name}/machine_1_requests.ndjson`);
      lab.write(`${name}/machine_2_client_1.json`, clientFile('Machine_2_Client_1', {}, { run_id: 'run-9' }));
    }
    const inputs = lab.read(undefined, ['a', 'b']);
    expect(total(undefined, ['a', 'b'])).toBe(11);
    expect(inputs.files.find(({ badLines }) => badLines > 0)!.problems[0]).toMatch(/is already counted/);
    expect(inputs.notes).toContainEqual(expect.stringMatching(/^Copies of files/));
  });
});

describe('faults and events', () => {
  test('damaged lines are named, files may be missing', () => {
    lab.requests([GOOD]);
    expect(lab.read()).toMatchObject({ faults: null, events: null, missing: [] });
    lab.write('fault_events.ndjson', `${lines([fault(1, 1, 'kill')])}{"time":1}\n{"action":"explode"}\n`);
    lab.write('server_1_events.ndjson', `garbage\n${lines([{ time: 1, server_id: 1, event: 'leader', term: 'x' }])}`);
    const inputs = lab.read();
    expect(inputs.faults).toHaveLength(1);
    expect(inputs.files.map(({ kind, badLines }) => [kind, badLines])).toEqual([
      ['faults', 2],
      ['records', 0],
      ['events', 2],
    ]);
  });

  test('event files one level below are found', () => {
    lab.requests([GOOD]);
    lab.write('server2/server_2_events.ndjson', lines([executed(10, 2, 1)]));
    expect(lab.read().eventServerIds).toEqual([2]);
  });
});
