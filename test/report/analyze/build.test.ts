import fc from 'fast-check';
import { buildReport } from '../../../src/report/analyze/build';
import { parseThreshold } from '../../../src/core/metrics/threshold';
import { clientFile, event, executed, fault, generated, lines, request, runFile, sample, T0, useLab } from '../lab';

const lab = useLab();

describe('totals', () => {
  test('of ten requests, by hand', () => {
    lab.requests([
      ...Array.from({ length: 8 }, (_, id) => request(id, id * 1000, { latency_ms: 10 * (id + 1), service_ms: 5 })),
      request(8, 8000, { outcome: 'failure', assigned_server_id: 2, failure_reason: 'Request timeout after 10s' }),
      request(9, 9980, { outcome: 'failure', assigned_server_id: null }),
      request(10, 9000, { outcome: 'interrupted' }),
      request(11, 9000, { outcome: 'unsent' }),
    ]);
    const config = { num_clients: 1, request_timeout_secs: 10 };
    lab.write('metrics/machine_1_run.json', runFile({ config, ended_at: T0 + 10_500 }));
    expect(lab.report()).toMatchObject({
      total_requests: 12,
      successful_requests: 8,
      failed_requests: 2,
      failure_rate: 20,
      failure_rate_max: (4 / 12) * 100,
      decided_requests: 10,
      undecided_requests: 2,
      never_sent_requests: 0,
      missing_records: 0,
      server_distribution: { 1: 10, 2: 1 },
      failure_reasons: { 'Connection refused': 1, 'Request timeout after 10s': 1 },
      latency_stats: { min_ms: 10, max_ms: 80, avg_ms: 45, median_ms: 45, p95_ms: 80, p99_ms: null },
      // Twelve: 10 to 80, 20 and 20 of the undecided, and twice the longest that a success can take.
      all_stats: { min_ms: 10, max_ms: 10_000, avg_ms: 20_400 / 12, median_ms: 45, p95_ms: 10_000 },
      service_stats: { min_ms: 5, max_ms: 5, avg_ms: 5, median_ms: 5 },
      p99_9_ms: null,
      interrupted_requests: 1,
      unsent_requests: 1,
      duration_secs: 10.5,
      throughput_per_s: 8 / 10.5,
      goodput_per_s: 8 / 10.5,
      attempted_per_s: 12 / 10.5,
      verdict: { kind: 'invalid', scale: null },
      images: [{ image: 'small.png', requests: 12, failed: 2, undecided: 2, p50_ms: 45, max_ms: 10_000 }],
      phases: [{ phase: 'steady', requests: 12, failed: 2, undecided: 2 }],
    });
  });

  test.each([
    [0, 'excellent'],
    [1, 'excellent'],
    [2, 'acceptable under faults'],
    [10, 'acceptable under faults'],
    [11, 'investigate'],
  ])('%i of 200 failed: %s, where faults were made', (failed, scale) => {
    const outcome = (id: number) => (id < failed ? ('failure' as const) : ('success' as const));
    lab.requests(Array.from({ length: 200 }, (_, id) => request(id, id, { outcome: outcome(id) })));
    expect(lab.report().verdict).toMatchObject({ scale: null, scale_text: null });
    lab.faults([fault(10, 2, 'kill'), fault(20, 2, 'restart')]);
    expect(lab.report().verdict.scale).toBe(scale);
  });

  test('images and their phases', () => {
    lab.requests([
      request(1, 0, { image: 'a' }),
      request(2, 100, { image: 'b', latency_ms: 100 }),
      request(3, 1010, { image: 'a', latency_ms: 40 }),
      request(4, 1600, { image: 'a', outcome: 'failure' }),
      request(5, 5000, { image: 'a' }),
    ]);
    lab.faults([fault(1000, 1, 'pause'), fault(1500, 1, 'resume')]);
    const { images, phases } = lab.report();
    // Without a run file, how long a failure counts is unknown.
    expect(images).toMatchObject([
      { image: 'a', requests: 4, failed: 1, p50_ms: 30, max_ms: null },
      { image: 'b', requests: 1, failed: 0, p50_ms: 100 },
    ]);
    expect(phases).toMatchObject([
      { phase: 'steady', requests: 2 },
      { phase: 'fault', requests: 1, failed: 0, p50_ms: 40 },
      // Without a calm second, to the end.
      { phase: 'recovering', requests: 2, failed: 1, p50_ms: null },
    ]);
  });

  test('a run in which nothing ended is no good one', () => {
    lab.requests([request(1, 0, { outcome: 'interrupted' })]);
    expect(lab.report()).toMatchObject({ total_requests: 1, failure_rate_max: 100, verdict: { failure_rate: 100 } });
  });

  test('rules are taken over unchanged', () => {
    lab.requests([request(1, 0)]);
    const rules = [{ rule: 'S1', verdict: true, problems: [] }];
    expect(lab.report({ rules }).rules).toEqual(rules);
    expect(lab.report()).not.toHaveProperty('rules');
  });

  test('totals do not depend on how files are split', () => {
    const outcome = fc.constantFrom('success' as const, 'failure' as const, 'interrupted' as const);
    const one = fc.record({
      outcome,
      at: fc.nat(60_000),
      latency: fc.nat(5_000_000),
      server: fc.integer({ min: 1, max: 3 }),
      machine: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 40 }), (all) => {
        const records = all.map(({ outcome, at, latency, server, machine }, id) => ({
          machine,
          // Each has a client of its own: a missing id would be a missing record.
          record: request(1, at, {
            client_id: id + 1,
            outcome,
            latency_ms: latency / 1000,
            assigned_server_id: server,
          }),
        }));
        lab.requests(
          records.map(({ record }) => record),
          'whole/machine_1_requests.ndjson',
        );
        for (const n of [0, 1, 2, 3]) {
          const part = records.filter(({ machine }) => machine === n).map(({ record }) => record);
          lab.requests(part, `split/machine_${n}_requests.ndjson`);
        }
        const [whole, split] = ['whole', 'split'].map((name) =>
          buildReport(lab.read(undefined, [name]), { thresholds: [] }),
        );
        const {
          runs: _runs,
          inputs: _inputs,
          audit: _audit,
          self_check: _check,
          latency_stats: a,
          service_stats: _a,
          ...rest
        } = whole!;
        const { avg_ms: averageMs, ...exact } = a;
        expect(split).toMatchObject({ ...rest, latency_stats: exact });
        if (averageMs !== null) expect(split!.latency_stats.avg_ms).toBeCloseTo(averageMs, 2);
      }),
      { numRuns: 60 },
    );
  });
});

describe('balance', () => {
  const two = () => {
    const config = { server_addresses: ['a:8101', 'b:8101'] };
    lab.write('metrics/machine_1_run.json', runFile({ config }));
  };
  const window = (second: number, counts: readonly number[]) =>
    counts.flatMap((count, server) =>
      Array.from({ length: count }, (_, at) =>
        request(second * 400 + server * 200 + at, second * 1000 + at, { assigned_server_id: server + 1 }),
      ),
    );

  test('of windows with enough requests, by hand', () => {
    lab.requests([...window(0, [50, 50]), ...window(1, [90, 30]), ...window(2, [10, 0])]);
    two();
    expect(lab.report().balance).toEqual({
      servers_expected: 2,
      total_max_over_mean: (2 * 150) / 230,
      windows: 3,
      judged_windows: 2,
      max_over_mean: { median: 1.25, worst: 1.5 },
      jain: { median: (1 + 0.8) / 2, worst: 0.8 },
    });
  });

  test('windows in a fault are excluded', () => {
    lab.requests([...window(0, [50, 50]), ...window(1, [120, 0]), ...window(2, [60, 60])]);
    lab.faults([fault(1100, 2, 'kill'), fault(1900, 2, 'restart')]);
    two();
    expect(lab.report().balance).toMatchObject({ windows: 2, judged_windows: 2, max_over_mean: { worst: 1 } });
  });

  test('a server that got nothing counts', () => {
    lab.requests(window(0, [1000]));
    expect(lab.report().balance).toMatchObject({
      servers_expected: null,
      total_max_over_mean: null,
      jain: { worst: null },
    });
    for (const id of [1, 2, 3]) lab.events(id, [event(-10, id, { event: 'ready' })]);
    const third = expect.closeTo(1 / 3) as number;
    expect(lab.report().balance).toMatchObject({ servers_expected: 3, total_max_over_mean: 3, jain: { worst: third } });
    const [imbalance] = lab.report({ thresholds: [parseThreshold('imbalance<1.2')] }).thresholds;
    expect(imbalance).toMatchObject({ value: 3, passed: false });
  });
});

describe('audit', () => {
  const records = [
    request(1, 0),
    request(2, 100, { hedged: true }),
    request(3, 200),
    request(4, 300, { outcome: 'failure', failure_reason: 'Verification failed' }),
  ];

  test('adds up, with repeated executions', () => {
    lab.requests(records);
    lab.events(1, [executed(20, 1, 1), executed(120, 1, 2), executed(220, 1, 3), executed(310, 1, 4)]);
    lab.events(2, [executed(125, 2, 2), executed(5, 2, 1, 'cancelled')]);
    expect(lab.report().audit).toEqual({
      requests: 4,
      successes: 3,
      executions: 5,
      repeated: 1,
      hedged: 1,
      lost: 0,
      corrupted: 1,
      corrupted_by: [{ server_id: 1, carriers: 1 }],
      excusable: 0,
      adds_up: true,
      why: 'every success has an execution',
    });
  });

  describe('wrong carriers', () => {
    const wrongOf = () => {
      const { corrupted, corrupted_by } = lab.report().audit;
      return { corrupted, by: corrupted_by.map(({ server_id: id, carriers }) => [id, carriers]) };
    };

    test('count whatever became of their requests, by the server that sent them', () => {
      lab.requests([
        request(1, 0, { wrong_carriers: [2] }),
        request(2, 100, { outcome: 'failure', failure_reason: 'Verification failed', wrong_carriers: [2, 3] }),
        request(3, 200, { outcome: 'interrupted', wrong_carriers: [null] }),
        request(4, 300, { outcome: 'failure', failure_reason: 'Verification failed', assigned_server_id: 2 }),
      ]);
      const by = [
        [2, 3],
        [null, 1],
        [3, 1],
      ];
      expect(wrongOf()).toEqual({ corrupted: 5, by });
    });

    test('of one run are those of the records or of the clients, whichever tell more, also in the warm-up', () => {
      lab.write('metrics/machine_1_run.json', runFile({ warmup_secs: 1 }));
      lab.requests([
        request(1, 0, { wrong_carriers: [2] }),
        request(2, 2000, { wrong_carriers: [2] }),
        request(3, 3000, { wrong_carriers: [1] }),
      ]);
      const said = clientFile('Machine_1_Client_1', { wrong_carriers: { 1: 1, 2: 4 } }, { run_id: 'run-1' });
      lab.write('metrics/machine_1_client_1.json', said);
      const by = [
        [2, 4],
        [1, 1],
      ];
      expect(wrongOf()).toEqual({ corrupted: 5, by });
    });

    test.each<[string, string]>([
      ['damaged elsewhere', JSON.stringify(request(2, 20, { image: 7 as never, wrong_carriers: [3] }))],
      ['cut', JSON.stringify(request(2, 20, { outcome: 'failure', wrong_carriers: [3], term: 12345 })).slice(0, -1)],
      [
        'of a client that the load did not have',
        JSON.stringify(request(2, 20, { client_id: 99, wrong_carriers: [3] })),
      ],
      ['of another time', JSON.stringify(request(2, 90_000, { wrong_carriers: [3] }))],
      ['of a request that has another record', JSON.stringify(request(1, 0, { wrong_carriers: [3] }))],
    ])('in a line that is %s count too', (_, line) => {
      lab.write('metrics/machine_1_run.json', runFile());
      lab.write('metrics/machine_1_requests.ndjson', `${lines([request(1, 0)])}${line}\n${lines([request(3, 30)])}`);
      expect(wrongOf()).toEqual({ corrupted: 1, by: [[3, 1]] });
    });

    test('in a copy of a line count once', () => {
      const wrong = request(2, 20, { wrong_carriers: [3] });
      lab.requests([request(1, 0), wrong, wrong]);
      expect(wrongOf()).toEqual({ corrupted: 1, by: [[3, 1]] });
    });

    test('in a file of an older client have no server', () => {
      const reasons = { failure_reasons: { 'Verification failed': 2 } };
      lab.write('metrics/machine_1_client_1.json', clientFile('Machine_1_Client_1', reasons));
      expect(wrongOf()).toEqual({ corrupted: 2, by: [[null, 2]] });
    });

    test.each([[[]], ['2'], [[-1]], [[1.5]], [[{}]], [null]])(
      'a record with %j instead is damaged',
      (wrong_carriers) => {
        lab.requests([request(1, 0), { ...request(2, 100), wrong_carriers }]);
        expect(lab.read().files[0]).toMatchObject({
          badLines: 1,
          problems: [expect.stringMatching(/"wrong_carriers"/)],
        });
      },
    );
  });

  test('a success without an execution is lost', () => {
    lab.requests(records);
    lab.events(1, [executed(20, 1, 1), executed(120, 1, 2), executed(220, 1, 3, 'failed')]);
    expect(lab.report().audit).toMatchObject({ lost: 1, adds_up: false });
  });

  test('unknown without event files, or without those of a server', () => {
    lab.requests(records);
    expect(lab.report().audit).toMatchObject({ executions: null, lost: null, adds_up: 'unknown' });
    lab.events(2, [executed(20, 2, 1)]);
    expect(lab.report().audit).toMatchObject({
      lost: 2,
      adds_up: 'unknown',
      why: expect.stringMatching(/of server 1 in this run: name the folder with --events$/),
    });
  });

  test('a file that ends before the run, or begins after it, is not evidence', () => {
    lab.requests([request(1, 5000), request(2, 5100)]);
    lab.events(1, [sample(20, 1), sample(4900, 1)]);
    expect(lab.report().audit).toMatchObject({ lost: 2, adds_up: 'unknown' });
    lab.events(1, [event(60_000, 1, { event: 'started', incarnation: 'a', address: '' }), sample(60_100, 1)]);
    expect(lab.report().audit).toMatchObject({ lost: 2, adds_up: 'unknown' });
    lab.events(1, [sample(4900, 1), sample(5105, 1)]);
    expect(lab.report().audit).toMatchObject({ lost: 2, adds_up: false });
  });

  test.each([
    ['just before the kill', 1860, 1950, 'unknown'],
    ['verified when it was dead already', 2100, 1950, 'unknown'],
    ['long before the kill', 1700, 1950, false],
    ['long before it, but after all that it wrote', 1700, 1650, 'unknown'],
    ['long after the kill', 3200, 1950, false],
  ] as const)('a killed server may have lost the record of an answer that came %s', (_, endMs, writtenAt, addsUp) => {
    lab.requests([request(1, 0), request(2, endMs - 10), request(3, 4000)]);
    lab.events(1, [executed(5, 1, 1), sample(writtenAt, 1), executed(4005, 1, 3)]);
    lab.faults([fault(2000, 1, 'kill'), fault(3500, 1, 'restart')]);
    const excusable = addsUp === 'unknown' ? 1 : 0;
    expect(lab.report().audit).toMatchObject({ lost: 1, excusable, adds_up: addsUp });
  });

  test('an answer of another server, or a failure, is not excused', () => {
    lab.requests([request(1, 1900, { assigned_server_id: 2 }), request(2, 1900, { outcome: 'failure' })]);
    lab.events(1, [sample(1905, 1)]);
    lab.events(2, [sample(1905, 2)]);
    lab.faults([fault(2000, 1, 'kill'), fault(3500, 1, 'restart')]);
    expect(lab.report().audit).toMatchObject({ lost: 1, excusable: 0, adds_up: false });
  });

  test('a damaged line may have been the execution', () => {
    lab.requests([request(1, 0), request(2, 10)]);
    lab.write('server_1_events.ndjson', `${JSON.stringify(executed(5, 1, 1))}\n{"time":17`);
    expect(lab.report().audit).toMatchObject({ lost: 1, adds_up: 'unknown' });
  });
});

describe('self-check', () => {
  const said = () => lab.report().self_check.join('\n');

  test('reports a generator that kept up, or not', () => {
    lab.requests([request(1, 0)]);
    expect(said()).toMatch(/machine 1: it is unknown whether it was busy/);
    expect(said()).not.toMatch(/kept up/);
    lab.requests([request(1, 0, { latency_ms: 100, service_ms: 20 })]);
    expect(said()).toMatch(/may have been saturated: p95 is 80.0 ms longer/);
    lab.requests([request(1, 0)]);
    lab.write('metrics/machine_1_generator.ndjson', `${JSON.stringify(generated(1000))}\n`);
    expect(said()).toMatch(/kept up/);
  });

  test('reports retries that hide failures, and gaps', () => {
    lab.write('metrics/machine_2_client_1.json', clientFile('Machine_2_Client_1'));
    lab.requests([request(1, 0, { retry_count: 2 }), request(2, 5, { outcome: 'unsent' })]);
    expect(said()).toMatch(/1 success \(11\.11% of the successes\) needed a retry/);
    expect(said()).toMatch(/When the run ended, 1 request waiting for a client neither succeeded nor failed/);
    expect(said()).toMatch(/1 client without percentiles/);
    expect(said()).toMatch(/no file of faults/);
  });
});
