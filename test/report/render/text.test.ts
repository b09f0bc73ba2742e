import path from 'node:path';
import { renderText } from '../../../src/report/render/text';
import type { Report } from '../../../src/report/report';
import type { RequestRecord } from '../../../src/core/metrics/record';
import { event, fault, generated, lines, request, runFile, sample, T0, useLab } from '../lab';

const lab = useLab();
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;

/** The guide's example: its counts and latencies. */
function guideReport(): Report {
  lab.requests([request(1, 0)]);
  return {
    ...lab.report(),
    total_requests: 300_000,
    successful_requests: 297_450,
    failed_requests: 2550,
    failure_rate: 0.85,
    server_distribution: { 1: 99_234, 2: 98_456, 3: 99_760 },
    failure_reasons: {
      'Connection refused': 1234,
      'Request timeout after 10s': 890,
      'Server unavailable during reassignment polling': 426,
    },
    latency_stats: {
      min_ms: 45.23,
      max_ms: 8234.56,
      avg_ms: 234.67,
      median_ms: 198.45,
      p95_ms: 456.78,
      p99_ms: 789.12,
    },
  };
}

const GUIDE = `============================================================
CloudP2P Stress Test - Aggregated Metrics Report
============================================================

OVERALL STATISTICS
------------------------------------------------------------
Total Requests:       300,000
Successful Requests:  297,450
Failed Requests:      2,550
Failure Rate:         0.85%

REQUEST LATENCY (Successful Requests)
------------------------------------------------------------
Minimum:              45.23 ms
Maximum:              8,234.56 ms
Average:              234.67 ms
Median (P50):         198.45 ms
95th Percentile:      456.78 ms
99th Percentile:      789.12 ms

LOAD BALANCING - Server Distribution
------------------------------------------------------------
Server  1:   99,234 requests (33.36%) ████████████████
Server  2:   98,456 requests (33.10%) ████████████████
Server  3:   99,760 requests (33.54%) ████████████████

FAILURE ANALYSIS
------------------------------------------------------------
Connection refused                                :  1,234 ( 48.39%)
Request timeout after 10s                         :    890 ( 34.90%)
Server unavailable during reassignment polling    :    426 ( 16.71%)

============================================================
End of Report
============================================================
`;

test("the first block is the guide's example to the character, with percentages from its counts", () => {
  const text = renderText(guideReport());
  expect(text.slice(0, GUIDE.length)).toBe(GUIDE);
  const [, second] = text.split(/^End of Report\n=+\n/m);
  expect(second!.split('\n').slice(0, 4)).toEqual([
    '',
    '='.repeat(60),
    'CloudP2P Stress Test - Faults, Audit and Verdict',
    '='.repeat(60),
  ]);
  expect(text.endsWith(`\n\n${'='.repeat(60)}\nEnd of Report\n${'='.repeat(60)}\n`)).toBe(true);
});

test('failures are sorted by count, whatever their names', () => {
  const report = { ...guideReport(), failure_reasons: { 7: 1, b: 20, a: 3 } };
  const rows = renderText(report)
    .split('\n')
    .filter((line) => / \( *[\d.]+%\)$/.test(line));
  expect(rows.map((row) => row[0])).toEqual(['b', 'a', '7']);
});

test('hostile names and huge numbers keep the layout and send no control characters', () => {
  const evil = `\u001b[2J\u202eevil\r\n${'x'.repeat(300)}`;
  lab.requests([
    request(1, 0, { image: evil, run_id: evil, assigned_server_id: Number.MAX_SAFE_INTEGER }),
    request(2, 9000, { outcome: 'failure', failure_reason: evil, run_id: evil }),
  ]);
  lab.write('metrics/machine_2_requests.ndjson', `${evil}\n`);
  lab.faults([fault(10, Number.MAX_SAFE_INTEGER, 'kill')]);
  const run = { run_id: evil, host: evil, version: evil, command_line: [evil] };
  lab.write('metrics/machine_1_run.json', runFile(run));
  const hostile = lab.report({ rules: [{ rule: evil, verdict: false, problems: [evil] }] });
  expect(hostile.loads).toHaveLength(1);
  const clocks = [{ machine: evil, offset_ms: -1e15, uncertainty_ms: 1e15 }];
  const report = { ...hostile, clocks };
  const text = renderText({ ...report, inputs: { ...report.inputs, notes: [evil], missing: [evil] } });
  expect(text).not.toMatch(CONTROL);
  const reason = text.split('\n').find((line) => line.endsWith('(100.00%)') && line.includes('evil'))!;
  expect(reason).toMatch(/^.{49}…:      1 \(100\.00%\)$/);
});

test('every line of a run with faults fits into 100 columns', () => {
  lab.requests(
    Array.from({ length: 2000 }, (_, id) =>
      request(id, id * 10, { latency_ms: id === 500 ? 123_456.789 : 20, image: `${'long'.repeat(20)}${id % 3}` }),
    ),
  );
  const kills = [1, 2, 3].flatMap((id) => [fault(id * 4000, id, 'terminate'), fault(id * 4000 + 1000, id, 'restart')]);
  lab.faults(kills);
  lab.events(1, [sample(10, 1, { memory_bytes: 64e9, active: 5000, queued: 100_000, event_loop_delay_ms: 60_000 })]);
  lab.write('metrics/machine_1_generator.ndjson', lines([generated(10, { sent: 1e7, late_sends: 1e7 })]));
  lab.write('metrics/machine_1_run.json', runFile({ warmup_secs: 2, command_line: Array(40).fill('--flag value') }));
  const clocks = [{ machine: 'user@'.padEnd(200, 'host'), offset_ms: -86_400_000, uncertainty_ms: 1234.5 }];
  const text = renderText({ ...lab.report(), clocks, bytes_sent: 1e15, bytes_received: 1e15 });
  // Paths are shown in full.
  const wide = text.split('\n').filter((line) => line.length > 100 && !line.includes(path.sep));
  expect(wide).toEqual([]);
  expect(text).toMatch(/^terminate server 1 {2}/m);
  expect(text).toMatch(/^BALANCE/m);
});

test('sections beyond the guide, for a small run', () => {
  lab.requests([
    // The first five are warm-up.
    ...Array.from({ length: 20 }, (_, at) => {
      const bytes = at < 5 ? { bytes_sent: 0, bytes_received: 0 } : {};
      return request(at + 1, at * 100, { latency_ms: 20 + at, service_ms: 10 + at, ...bytes });
    }),
    // Undecided, with its age.
    request(21, 9000, { outcome: 'unsent', latency_ms: 1000 }),
  ]);
  lab.events(1, [
    event(-1, 1, { event: 'leader', term: 1, leader_id: 1, reason: 'won' }),
    ...[50, 60, 99].map((cpu_percent, at) => sample(at * 500, 1, { cpu_percent, queued: at })),
  ]);
  lab.write(
    'metrics/machine_1_generator.ndjson',
    lines(Array.from({ length: 5 }, (_, at) => generated(at * 1000, { event_loop_delay_ms: 300, sent: 3 }))),
  );
  lab.write('metrics/machine_1_run.json', runFile({ warmup_secs: 0.5 }));
  const clocks = [
    { machine: 'user@lab1', offset_ms: 3000.25, uncertainty_ms: 0.4 },
    { machine: 'user@lab2', offset_ms: -1.5, uncertainty_ms: 0.2 },
  ];
  const text = renderText({ ...lab.report(), clocks });
  const sectionOf = (name: string): string => new RegExp(`^${name}.*\\n-+\\n([^]*?)\\n\\n`, 'm').exec(text)![1]!;
  expect(sectionOf('LATENCY BY PHASE')).toBe(
    [
      'Phase      requests  failed    p50     p95  p99  p99.9       max',
      'warmup            5       0  22.00   24.00    -      -     24.00',
      '  service                    12.00   14.00    -',
      'steady           16       0  32.50  711.70    -      -  1,000.00',
      '  service                    22.00   28.75    -',
    ].join('\n'),
  );
  expect(sectionOf('PERCENTILES').split('\n')).toEqual([
    'Percentile   latency  service',
    'min            25.00    15.00',
    'p50            32.50    22.00',
    'p90            38.90    28.00',
    'p95           711.70    28.75',
    'p99                -        -',
    'p99.9              -        -',
    'p99.99             -        -',
    'max         1,000.00    29.00',
  ]);
  expect(sectionOf('TRAFFIC')).toBe(
    [
      'Duration:             9.50 s',
      'Loop:                 unknown: a run file is missing, or does not tell the rate or the think times',
      'Goodput:              1.58 successes/s',
      'Attempted:            1.68 requests/s',
      'Undecided:            1: in flight, or waiting for a client, at the end',
      'Failure Rate at Most: 6.25%, if all of these failed',
      'Retries:              0',
      'Sent:                 160 bytes',
      'Received:             320 bytes',
      'Warm-Up:              0.50 s; no total includes requests due in it',
    ].join('\n'),
  );
  expect(sectionOf('SERVERS').split('\n')[1]).toMatch(/^Server 1 +60\.0 +99\.0 +50 +50 +1 +1 +1 +2 +1\.0 +1\.0$/);
  expect(sectionOf('SERVERS')).toMatch(/\ncpu % is that of the whole machine, with everything else that runs on it\.$/);
  expect(sectionOf('LEADERS')).not.toContain('Several Leaders: by');
  expect(sectionOf('LOAD GENERATORS')).toMatch(
    /^Machine 1 +15 +0 +20\.0 +20\.0 +300\.0 +3 +1\nMachine 1 was a bottleneck: /m,
  );
  expect(sectionOf('CLOCKS').split('\n').slice(1)).toEqual([
    'user@lab1    +3,000.25        ±0.40',
    'user@lab2        -1.50        ±0.20',
  ]);
  expect(sectionOf('INPUTS')).toMatch(/^Machine 1: lab1, 8 cores, version 1\.0\.0, seed 7: cloudp2p stress$/m);
});

/** A run of 20 s at 100 requests/s, each of 20 ms; those due from `from` to `to` (ms) become `more`. */
function steadyRun(from: number, to: number, more: Partial<RequestRecord>): void {
  lab.requests(
    Array.from({ length: 2000 }, (_, at) =>
      request(at + 1, at * 10, { retry_count: 0, ...(at * 10 >= from && at * 10 < to ? more : {}) }),
    ),
  );
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: T0 + 20_500, config: { request_timeout_secs: 10 } }));
}

/** The rows of a section of the text. */
function rowsOf(report: Report, name: string): string[] {
  return new RegExp(`^${name}.*\\n-+\\n([^]*?)\\n\\n`, 'm').exec(renderText(report))![1]!.split('\n');
}

test('FAULTS: what each cost the clients, what the servers told, and what is usual', () => {
  // The slow limit is 1.5 × 20 + 10 = 40 ms. Due from 8 to 9 s, they end up to 9.3 s, in the window to 9.5 s.
  steadyRun(8000, 9000, { latency_ms: 300, retry_count: 1 });
  lab.faults([fault(8000, 1, 'kill'), fault(12_000, 1, 'restart')]);
  lab.events(1, [event(10, 1, { event: 'leader', term: 1, leader_id: 1, reason: 'won' })]);
  lab.events(2, [
    event(8030, 2, { event: 'peer_down', peer_id: 1, reason: 'silent' }),
    event(8050, 2, { event: 'leader', term: 2, leader_id: 2, reason: 'won' }),
  ]);
  lab.events(3, [
    event(8040, 3, { event: 'peer_down', peer_id: 1, reason: 'silent' }),
    event(8060, 3, { event: 'leader', term: 2, leader_id: 2, reason: 'followed' }),
  ]);
  // Under way from 8 to 12 s: 400 due then, and 2 before that end at 8.00 and 8.01 s.
  expect(rowsOf(lab.report(), 'FAULTS')).toEqual([
    'Fault          felt  recovered  bad   of  failed  retried  hedged  longest',
    'kill server 1  1500       1500  100  402       0      100       0      300',
    'Seen by servers  lasted  led  detected  by all  next leader  all follow',
    'kill server 1      4000  yes        30      40           50          60',
    // Two of those due before 8 s had not ended.
    'Baseline: 798 requests in the 8.00 s before the first fault; 0.00% of its windows were bad.',
  ]);
});

test('FAULTS: not felt, overlapping, not seen to recover', () => {
  steadyRun(17_000, 20_000, { latency_ms: 500 });
  lab.faults([
    ...[fault(5000, 1, 'kill'), fault(7000, 2, 'pause'), fault(9000, 1, 'restart'), fault(10_000, 2, 'resume')],
    ...[fault(15_000, 3, 'kill'), fault(18_000, 3, 'restart')],
  ]);
  const [head, first, second, third, ...rest] = rowsOf(lab.report(), 'FAULTS');
  expect([head, first, second, third].map((row) => row!.split(/ {2,}/).slice(0, 3))).toEqual([
    ['Fault', 'felt', 'recovered'],
    ['kill server 1 *', '0', '0'],
    ['pause server 2 *', '0', '0'],
    // From 17 to 20.5 s; a window before, of requests due earlier, is good.
    ['kill server 3', 'at least 3500', '-'],
  ]);
  const notes = rest.slice(4).join(' ').replace(/ +/g, ' ');
  expect(notes).toBe(
    [
      'Baseline: 498 requests in the 5.00 s before the first fault; 0.00% of its windows were bad.',
      'felt 0: not felt; a stall of all requests under 50 ms would not show, nor a longer one of some.',
      '* began before another fault was healed, or was not healed before another began: these share one time and one cost.',
      'all: led, detected first, detected last, next leader, all follow unknown: there are no event files of the servers',
      'kill server 3: felt, recovered unknown: not seen to recover: there was no calm second before the end of the run',
    ].join(' '),
  );
});

test('TRAFFIC has never sent and missing requests only if there are any', () => {
  lab.requests([
    request(1, 0),
    request(2, 10, { outcome: 'failure', failure_reason: 'Never sent: no client was free for 10s' }),
    request(4, 20),
  ]);
  const rows = rowsOf(lab.report(), 'TRAFFIC');
  expect(rows).toContain('Never Sent:           1, failed: no client was free');
  expect(rows).toContain('Missing Records:      1, failed: nothing else is known of them');
  expect(rows.join()).not.toMatch(/Undecided|at Most/);
  lab.requests([request(1, 0)]);
  expect(rowsOf(lab.report(), 'TRAFFIC').join()).not.toMatch(/Undecided|at Most|Never Sent|Missing/);
});

test('several leaders and unknown checks are explained on the spot', () => {
  lab.requests([request(1, 0), request(2, 5000)]);
  lab.ended(5000);
  const alive = (id: number) => event(4000, id, { event: 'peer_up', peer_id: 3 - id });
  lab.events(1, [event(-1, 1, { event: 'leader', term: 1, leader_id: 1, reason: 'won' }), alive(1)]);
  lab.events(2, [event(1000, 2, { event: 'leader', term: 2, leader_id: 2, reason: 'won' }), alive(2)]);
  const S6 = { rule: 'S6', verdict: 'unknown', problems: ['x'] } as const;
  const rules = [
    { rule: 'S5', verdict: true, problems: [] },
    { ...S6, problems: [...S6.problems] },
  ];
  const text = renderText(lab.report({ rules }));
  expect(text).toMatch(/^Several Leaders: {6}1 ×.*\nSeveral Leaders: by their own files, two servers led at once\./m);
  expect(text).toMatch(/^S6: {19}unknown\n {2}x\nunknown is not a violation: /m);
  expect(renderText(lab.report({ rules: rules.slice(0, 1) }))).not.toContain('not a violation');
});

test('a report without data has words, not NaN', () => {
  lab.requests([request(1, 0, { outcome: 'interrupted' })]);
  const text = renderText(lab.report());
  expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(text).toMatch(/^No successful requests$/m);
  expect(text).toMatch(/^No failures$/m);
});
