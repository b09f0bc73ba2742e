/** Which loop sent the requests, and what a closed one hides. */
import { renderHtml } from '../../../src/report/render/html';
import { renderText } from '../../../src/report/render/text';
import { generated, lines, request, runFile, useLab } from '../lab';

const lab = useLab();

/** A mean think time of 1 s. */
const THINK = { min_delay_ms: 500, max_delay_ms: 1500, request_timeout_secs: 10 };
const HINT = /A closed loop hides stalls: while a client waits it sends nothing. For latency under load use --rate\./;
const START = 'from the intended start';

const settings = (config: object, machineId = 1): string => runFile({ config, machine_id: machineId });
const load = (config: object) => lab.write('metrics/machine_1_run.json', settings(config));
/** Beyond the think time of 1 s: 0 + 0 + 1.5 s; requests that fit into the wait: 0 + 1 + 2. */
const three = [
  request(1, 0, { latency_ms: 500 }),
  request(2, 2000, { latency_ms: 1000 }),
  request(3, 4000, { latency_ms: 2500 }),
];

const figures = () => {
  const { loop, blocked_client_secs, missed_requests, unknown } = lab.report();
  return { loop, blocked_client_secs, missed_requests, unknown };
};

describe('the figures', () => {
  test('of a closed loop', () => {
    lab.requests(three);
    load(THINK);
    expect(figures()).toEqual({ loop: 'closed', blocked_client_secs: 1.5, missed_requests: 3, unknown: {} });
  });

  test('a failure counts at least like the longest success, an undecided request with its age', () => {
    load(THINK);
    lab.requests([...three, request(4, 9000, { latency_ms: 50, outcome: 'failure' })]);
    expect(figures()).toMatchObject({ blocked_client_secs: 10.5, missed_requests: 13 });
    lab.requests([...three, request(4, 9000, { latency_ms: 4200, outcome: 'interrupted' })]);
    expect(figures()).toMatchObject({ blocked_client_secs: 4.7, missed_requests: 7 });
  });

  test('leave out the warm-up', () => {
    lab.requests(three);
    lab.write('metrics/machine_1_run.json', runFile({ config: THINK, warmup_secs: 3 }));
    expect(figures()).toMatchObject({ blocked_client_secs: 1.5, missed_requests: 2 });
  });

  test('use the think time of each machine', () => {
    lab.requests(three);
    load(THINK);
    lab.requests([request(1, 0, { latency_ms: 300 })], 'metrics/machine_2_requests.ndjson');
    lab.write('metrics/machine_2_run.json', settings({ ...THINK, min_delay_ms: 100, max_delay_ms: 100 }, 2));
    expect(figures()).toMatchObject({ loop: 'closed', blocked_client_secs: 1.7, missed_requests: 6 });
  });

  test('without think times, the missed requests are unknown', () => {
    lab.requests(three);
    load({ ...THINK, min_delay_ms: 0, max_delay_ms: 0 });
    expect(figures()).toMatchObject({
      blocked_client_secs: 4,
      missed_requests: null,
      unknown: { missed_requests: 'the clients have no think time: they send as fast as they are answered' },
    });
  });

  test('an open loop hides no stalls, and has neither', () => {
    lab.requests(three);
    load({ rate_per_second: 10 });
    expect(figures()).toEqual({ loop: 'open', blocked_client_secs: null, missed_requests: null, unknown: {} });
  });

  test.each<[string, () => unknown]>([
    ['without a run file', () => undefined],
    ['of an older run file', () => load({ num_clients: 10 })],
    [
      'of machines with different loops',
      () => {
        load(THINK);
        lab.requests([request(1, 0)], 'metrics/machine_2_requests.ndjson');
        lab.write('metrics/machine_2_run.json', settings({ rate_per_second: 10 }, 2));
      },
    ],
    [
      'if one machine has no run file',
      () => {
        load(THINK);
        lab.requests([request(1, 0)], 'metrics/machine_2_requests.ndjson');
      },
    ],
  ])('are unknown %s', (_, write) => {
    lab.requests(three);
    write();
    expect(figures()).toMatchObject({ loop: null, blocked_client_secs: null, missed_requests: null });
    expect(Object.keys(figures().unknown)).toEqual(['loop', 'blocked_client_secs', 'missed_requests']);
  });

  test('a missing record, and a failure without a known timeout, make them unknown', () => {
    load(THINK);
    lab.requests([three[0]!, three[2]!]);
    expect(figures()).toMatchObject({ loop: 'closed', blocked_client_secs: null, missed_requests: null });
    lab.requests([...three, request(4, 9000, { outcome: 'failure' })]);
    load({ ...THINK, request_timeout_secs: undefined });
    expect(figures()).toMatchObject({ loop: 'closed', blocked_client_secs: null, missed_requests: null });
  });
});

describe('the texts', () => {
  const both = (): string => {
    const report = lab.report();
    return `${renderText(report)}\n${renderHtml(report)}`.replace(/\s+/g, ' ');
  };
  /** Sent 400 ms after they were due. */
  const late = three.map((each) => ({ ...each, service_ms: each.latency_ms - 400 }));

  test('a closed loop is named, with what it hides', () => {
    lab.requests(late);
    load(THINK);
    expect(both()).toMatch(/Loop: closed/);
    expect(both()).toMatch(HINT);
    expect(both()).toMatch('1.50 s');
    expect(both()).not.toMatch(START);
    expect(both()).toMatch('from the end of the think time');
    expect(both()).not.toMatch('waited for a free client');
    expect(both()).toMatch('The load generator may have been saturated');
    lab.write('metrics/machine_1_generator.ndjson', lines([generated(1000), generated(2000)]));
    expect(both()).toMatch('Requests were sent late, though the load generator was not busy');
    expect(both()).not.toMatch('waited for a free client');
  });

  test('an open loop is named, and only its requests wait for a free client', () => {
    lab.requests(late);
    load({ rate_per_second: 10 });
    lab.write('metrics/machine_1_generator.ndjson', lines([generated(1000), generated(2000)]));
    expect(both()).toMatch('Requests waited for a free client');
    expect(both()).toMatch(/Loop: open/);
    expect(both()).not.toMatch(HINT);
    expect(both()).toMatch(START);
  });

  test('an unknown loop is no open one', () => {
    lab.requests(late);
    expect(both()).toMatch(/Loop: unknown/);
    expect(both()).not.toMatch(START);
    expect(both()).not.toMatch('waited for a free client');
  });
});
