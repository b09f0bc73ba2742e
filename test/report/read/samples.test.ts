import { Downsampled } from '../../../src/report/read/downsample';
import { buildReport } from '../../../src/report/analyze/build';
import { clientFile, event, fault, generated, lines, request, runFile, sample, T0, useLab } from '../lab';

const lab = useLab();
const GENERATOR = 'metrics/machine_1_generator.ndjson';
const RUN = 'metrics/machine_1_run.json';
const said = () => lab.report().self_check.join('\n');
/** A request every 100 ms for ten seconds. */
const load = () => Array.from({ length: 100 }, (_, id) => request(id, id * 100));

describe('downsampled series', () => {
  const most = (length: number) => {
    const series = new Downsampled<number>(Math.max);
    for (let at = 0; at < length; at++) series.add(at === 123_456 ? 1e9 : at);
    return series.points;
  };

  test('short ones are unchanged', () => {
    expect(most(700)).toEqual(Array.from({ length: 700 }, (_, at) => at));
  });

  test.each([800, 10_007, 1_000_000])('%i points become a few hundred, without losing a peak', (length) => {
    const points = most(length);
    expect(points.length).toBeGreaterThanOrEqual(400);
    expect(points.length).toBeLessThanOrEqual(801);
    expect(points).toContain(length > 123_456 ? 1e9 : length - 1);
    expect(points.at(-1)).toBe(length - 1);
  });
});

describe('servers', () => {
  test('have the samples of the run, by id and in order', () => {
    lab.requests(load());
    lab.events(2, [sample(2000, 2, { cpu_percent: 90, queued: 7 }), sample(1000, 2)]);
    lab.events(1, [sample(-20_000, 1), sample(500, 1, { event_loop_delay_ms: 33 }), sample(60_000, 1)]);
    expect(lab.report().servers).toEqual([
      {
        server_id: 1,
        time: [T0 + 500],
        cpu_percent: [10],
        memory_bytes: [50e6],
        active: [1],
        queued: [0],
        event_loop_delay_ms: [33],
      },
      {
        server_id: 2,
        time: [T0 + 1000, T0 + 2000],
        cpu_percent: [10, 90],
        memory_bytes: [50e6, 50e6],
        active: [1, 1],
        queued: [0, 7],
        event_loop_delay_ms: [1, 1],
      },
    ]);
  });

  test('overloaded ones are named, with the share of time', () => {
    lab.requests(load());
    const queued = (id: number, behind: number) =>
      Array.from({ length: 10 }, (_, at) => sample(at * 1000, id, { active: 2, queued: at < behind ? 2 : 1 }));
    lab.events(1, queued(1, 9));
    lab.events(2, queued(2, 2));
    lab.events(3, queued(3, 3));
    expect(said()).toMatch(/The servers were overloaded: .*, on server 1 in 90%, server 3 in 30% of its time\./);
  });

  test('with a short queue, or without tasks, do not count as overloaded', () => {
    lab.requests(load());
    lab.events(1, [sample(0, 1, { active: 2, queued: 2 }), sample(1000, 1, { active: 2, queued: 2 })]);
    lab.events(
      2,
      Array.from({ length: 10 }, (_, at) => sample(at * 1000, 2, { active: 0, queued: 0 })),
    );
    expect(said()).not.toMatch(/more than the servers/);
  });

  test('a week of samples around a run of ten seconds does not cost it detail', () => {
    lab.requests(load());
    lab.events(1, [
      ...Array.from({ length: 5000 }, (_, at) => sample((at - 5000) * 1000, 1)),
      ...Array.from({ length: 10 }, (_, at) => sample(at * 1000, 1)),
    ]);
    expect(lab.report().servers[0]!.time.filter((time) => time >= T0)).toHaveLength(10);
  });

  test.each(['cpu_percent', 'memory_bytes', 'active', 'queued', 'event_loop_delay_ms'])(
    'a sample whose %s has an invalid value is a damaged line',
    (field) => {
      lab.requests(load());
      const bad = [-1, 'x', null, undefined].map((value) => ({ ...sample(100, 1), [field]: value }));
      lab.events(1, [...bad, sample(200, 1)]);
      expect(lab.read().files.find(({ kind }) => kind === 'events')).toMatchObject({ badLines: 4 });
      expect(lab.report().servers[0]!.time).toEqual([T0 + 200]);
    },
  );

  test('a server with events but no samples is named', () => {
    lab.requests(load());
    lab.events(3, [{ time: T0, server_id: 3, event: 'ready' }]);
    expect(said()).toMatch(/^Server 3 wrote no samples/m);
  });
});

describe('load generators', () => {
  test('an idle one', () => {
    lab.requests(load());
    lab.write(GENERATOR, lines([0, 1000, 2000].map((at) => generated(at, { in_flight: at / 1000, sent: 34 }))));
    expect(lab.report().generators).toEqual([
      {
        machine_id: 1,
        time: [T0, T0 + 1000, T0 + 2000],
        cpu_percent: [20, 20, 20],
        event_loop_delay_ms: [2, 2, 2],
        in_flight: [0, 1, 2],
        verification_backlog: [1, 1, 1],
        sent: 102,
        late_sends: 0,
        pauses: 0,
        paused_ms: 0,
        longest_pause_ms: 0,
        longest_pause_at: null,
        saturated: false,
        why: null,
      },
    ]);
    expect(said()).toMatch(/kept up/);
  });

  test('a bottleneck is named, with the reason', () => {
    lab.requests(load());
    lab.write(
      GENERATOR,
      lines(Array.from({ length: 20 }, (_, at) => generated(at * 1000, { event_loop_delay_ms: 400 }))),
    );
    const { generators, self_check } = lab.report();
    expect(generators).toMatchObject([{ saturated: true, why: expect.stringMatching(/400 ms/) }]);
    expect(self_check[0]).toMatch(/^The load generator of machine 1 was a bottleneck: .*400 ms/);
    expect(said()).not.toMatch(/kept up/);
  });

  test('requests waiting although it was not busy indicate the cluster', () => {
    lab.requests([request(1, 0, { latency_ms: 500, service_ms: 20 })]);
    lab.write(GENERATOR, lines([generated(0)]));
    lab.write('metrics/machine_1_run.json', runFile({ config: { rate_per_second: 10 } }));
    expect(said()).toMatch(/^Requests waited for a free client.*480\.0 ms.*The cluster did not keep up\.$/m);
  });

  test('samples of an excluded run do not count, nor do damaged ones', () => {
    lab.requests(load());
    const others = [generated(0, { run_id: 'old', event_loop_delay_ms: 900 }), generated(500, { sent: -1 })];
    lab.write(GENERATOR, `${lines([...others, generated(1000)])}{"time":`);
    expect(lab.report().generators).toMatchObject([{ time: [T0 + 1000], sent: 10 }]);
    expect(lab.read().files.find(({ kind }) => kind === 'generator')).toMatchObject({ lines: 4, badLines: 2 });
  });

  test('a machine without samples is named if another has some', () => {
    lab.requests(load());
    lab.requests([request(1, 0, { run_id: 'run-2' })], 'metrics/machine_2_requests.ndjson');
    lab.write(GENERATOR, lines([generated(0)]));
    expect(said()).toMatch(/No samples from the load generator of machine 2:/);
  });
});

describe('machine_{n}_run.json', () => {
  test('its settings are in the report, flat and bounded', () => {
    lab.requests(load());
    const config = { num_clients: 10, list: ['a', 1], deep: { a: 1 }, nested: [['a']], long: 'x'.repeat(2000) };
    lab.write(RUN, runFile({ config }));
    expect(lab.report().loads).toEqual([{ ...JSON.parse(runFile()), config: { num_clients: 10, list: ['a', 1] } }]);
  });

  test('is ignored for an excluded run', () => {
    lab.requests(load());
    lab.write(RUN, runFile({ run_id: 'old', warmup_secs: 5 }));
    expect(lab.report()).toMatchObject({ loads: [], warmup_secs: 0 });
  });

  test.each<[string, string]>([
    ['no JSON', '{"run_id":'],
    ['a list', '[]'],
    ['a negative warm-up', runFile({ warmup_secs: -1 })],
    ['a command line that is none', runFile({ command_line: [1 as unknown as string] })],
  ])('with %s it is named, and nothing else is lost', (_, text) => {
    lab.requests(load());
    lab.write(RUN, text);
    expect(lab.read().files.find(({ kind }) => kind === 'run')).toMatchObject({ badLines: 1 });
    expect(lab.report()).toMatchObject({ total_requests: 100, loads: [] });
  });
});

test('copies of a folder count once', () => {
  for (const name of ['a', 'b']) {
    lab.requests(load(), `${name}/machine_1_requests.ndjson`);
    lab.write(`${name}/machine_1_generator.ndjson`, lines([generated(0), generated(1000)]));
    lab.write(`${name}/machine_1_run.json`, runFile());
  }
  const { generators, loads } = buildReport(lab.read(undefined, ['a', 'b']), { thresholds: [] });
  expect(generators).toMatchObject([{ sent: 20 }]);
  expect(loads).toHaveLength(1);
});

describe('warm-up', () => {
  test('is a separate phase of the requests that begin in it', () => {
    lab.requests([
      request(1, 0, { latency_ms: 900 }),
      request(2, 1999, { latency_ms: 700 }),
      ...Array.from({ length: 100 }, (_, id) => request(3 + id, 2000 + id * 10)),
    ]);
    lab.write(RUN, runFile({ warmup_secs: 1 }));
    lab.write('metrics/machine_2_run.json', runFile({ warmup_secs: 2, machine_id: 2 }));
    const { phases, warmup_secs, total_requests, missing_records, latency_stats, all_stats, images } = lab.report();
    expect(phases).toMatchObject([
      { phase: 'warmup', requests: 2, max_ms: 900, p99_ms: null },
      { phase: 'steady', requests: 100, max_ms: 20, p99_ms: 20, service_p99_ms: 20 },
    ]);
    // It is in no total.
    expect([warmup_secs, total_requests, missing_records]).toEqual([2, 100, 0]);
    expect([latency_stats.max_ms, all_stats.max_ms]).toEqual([20, 20]);
    expect(images).toMatchObject([{ requests: 100, max_ms: 20 }]);
  });

  test('begins at the start of the load, not at the first request', () => {
    lab.requests([request(1, 999), request(2, 1000, { outcome: 'failure' }), request(3, 3000)]);
    expect(lab.report()).toMatchObject({ total_requests: 3, duration_secs: 2.001, attempted_per_s: 3 / 2.001 });
    lab.write(RUN, runFile({ warmup_secs: 1, ended_at: T0 + 5000 }));
    const report = lab.report();
    expect(report).toMatchObject({ total_requests: 2, successful_requests: 1, failed_requests: 1, failure_rate: 50 });
    expect(report).toMatchObject({ server_distribution: { 1: 2 }, failure_reasons: { 'Connection refused': 1 } });
    // From the first request that was due after the warm-up to the end of the load.
    expect(report).toMatchObject({ duration_secs: 4, goodput_per_s: 0.25, attempted_per_s: 0.5 });
  });

  test('is excluded from the baseline of the recovery', () => {
    const slowUntil = (at: number) =>
      at < 1000 ? { latency_ms: 500 } : at >= 3000 && at < 5000 ? { latency_ms: 200 } : {};
    lab.requests(Array.from({ length: 800 }, (_, id) => request(id, id * 10, slowUntil(id * 10))));
    lab.faults([fault(3000, 1, 'kill'), fault(3500, 1, 'restart')]);
    const cost = () => {
      const { slow_limits_ms: limits, faults } = lab.report();
      return { limit: limits!['small.png'], felt: faults![0]!.felt_ms, recovered: faults![0]!.recovered_ms };
    };
    // With the slow beginning as the baseline, 200 ms would be normal.
    expect(cost()).toEqual({ limit: 1.5 * 500 + 10, felt: 0, recovered: 0 });
    lab.write(RUN, runFile({ warmup_secs: 1.5 }));
    // The last slow request, of 4990 ms, ends at 5190 ms, in the window that ends at 5250 ms.
    expect(cost()).toEqual({ limit: 1.5 * 20 + 10, felt: 2250, recovered: 2250 });
  });
});

test('the percentile curve rises from minimum to maximum, for latency and service time', () => {
  lab.requests(
    Array.from({ length: 10_000 }, (_, id) =>
      request(id, id, { latency_ms: (id + 1) / 100 + 5, service_ms: (id + 1) / 100 }),
    ),
  );
  const { percentile_curve: curve } = lab.report();
  expect(curve.map(({ percentile }) => percentile)).toEqual(
    expect.arrayContaining([0, 10, 50, 90, 91, 95, 99, 99.1, 99.9, 99.91, 99.99, 100]),
  );
  expect(curve[0]).toEqual({ percentile: 0, latency_ms: 5.01, service_ms: 0.01 });
  expect(curve.at(-1)).toEqual({ percentile: 100, latency_ms: 105, service_ms: 100 });
  curve.forEach(({ percentile, latency_ms, service_ms }, at) => {
    expect(latency_ms! - service_ms!).toBeCloseTo(5, 3);
    expect(Math.abs(service_ms! - percentile)).toBeLessThan(0.2);
    if (at > 0) expect(percentile).toBeGreaterThan(curve[at - 1]!.percentile);
  });
});

test('the percentile curve has no p99.91 to p99.99 of 1,000 requests: the last needs 10,000', () => {
  lab.requests(Array.from({ length: 1000 }, (_, id) => request(id, id, { latency_ms: id + 1 })));
  const unknown = lab.report().percentile_curve.filter(({ latency_ms }) => latency_ms === null);
  expect(unknown.map(({ percentile }) => percentile)).toEqual(
    Array.from({ length: 9 }, (_, step) => Math.round((99.9 + (step + 1) / 100) * 100) / 100),
  );
});

describe('retries and bytes', () => {
  test('come from records, and from clients without records', () => {
    lab.requests([request(1, 0, { retry_count: 2 }), request(2, 50, { outcome: 'failure', bytes_received: 0 })]);
    const stats = { retry_count: 5, bytes_sent: 1000, bytes_received: 3000 };
    lab.write('metrics/machine_2_client_1.json', clientFile('Machine_2_Client_1', stats, { run_id: 'run-1' }));
    expect(lab.report()).toMatchObject({ retry_count: 7, bytes_sent: 1020, bytes_received: 3020 });
    expect(said()).not.toMatch(/too low/);
  });

  test('leave out the warm-up', () => {
    const one = { retry_count: 1, bytes_sent: 10, bytes_received: 100 };
    lab.requests([request(1, 0, one), request(2, 1999, one), request(3, 2000, one)]);
    lab.write('metrics/machine_1_run.json', runFile({ warmup_secs: 2 }));
    expect(lab.report()).toMatchObject({ total_requests: 1, retry_count: 1, bytes_sent: 10, bytes_received: 100 });
  });

  test('are missing for a client of the original implementation, which is reported', () => {
    lab.write('metrics/machine_1_client_2.json', clientFile('Machine_1_Client_2'));
    expect(lab.report()).toMatchObject({
      retry_count: 0,
      bytes_sent: 0,
      bytes_received: 0,
      percentile_curve: expect.any(Array),
    });
    expect(said()).toMatch(/^1 client without counts of retries and bytes: these totals are too low\.$/m);
  });
});

describe('clocks', () => {
  const check = (uncertaintyMs: number[], uncompared: string[] = []) => {
    lab.requests(load());
    lab.faults([fault(3000, 1, 'kill')]);
    const inputs = lab.read();
    inputs.uncompared = uncompared;
    inputs.clocks = uncertaintyMs.map((uncertainty_ms, n) => ({ machine: `m${n}`, offset_ms: 3000, uncertainty_ms }));
    return buildReport(inputs, { thresholds: [] }).self_check.at(-1);
  };

  test('that agree better than the shortest duration', () => {
    expect(check([0.4, 0.2])).toBe('Clocks were compared and times corrected; they agree within ±0.6 ms.');
  });

  test('are not compared if all files are of this machine, with an explanation', () => {
    expect(check([])).toMatch(/^All files were read from this machine, so no clocks were compared: /);
  });

  test('that could not be compared, or of several load generators', () => {
    const warning = /^Clocks were not compared: times of clients, servers and faults are only as accurate as/;
    expect(check([], ['anna@client1'])).toMatch(warning);
    lab.write('metrics/machine_1_run.json', runFile());
    lab.requests(load(), 'metrics/machine_2_requests.ndjson');
    lab.write('metrics/machine_2_run.json', runFile({ machine_id: 2, host: 'lab2' }));
    expect(check([])).toMatch(warning);
  });

  test('that do not', () => {
    lab.events(1, [event(0, 1, { event: 'peer_up', peer_id: 2 })]);
    lab.events(2, [event(3020, 2, { event: 'peer_down', peer_id: 1, reason: 'refused' })]);
    expect(check([15, 15])).toMatch(/within ±30\.0 ms, which is more than the shortest duration .*\(20 ms\)/);
  });
});
