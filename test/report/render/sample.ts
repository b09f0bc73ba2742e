/** A made-up run for pages: 60 s, three servers, three faults; always the same. */
import type { FaultReport, Report, Share, Timeline } from '../../../src/report/report';
import type { Block } from '../../../src/report/report-blocks';

export const T0 = 1_761_904_800_000;

export interface SampleOptions {
  servers?: number;
  secs?: number;
  reasons?: readonly string[];
}

/** A value from 0 to 1, the same for the same numbers. */
function noise(...seeds: number[]): number {
  const x = Math.sin(seeds.reduce((sum, seed, at) => sum + seed * (12.9898 + 65.233 * at), 1)) * 43758.5453;
  return x - Math.floor(x);
}

const NOT_SEEN = 'not seen to recover: there was no calm second before the end of the run';

/** A fault lasts 8 s and is felt for 2.5 s; each hits the next server. */
function faultAt(startSecs: number, server_id: number, led: boolean): FaultReport {
  return {
    server_id,
    kind: 'kill',
    start: T0 + startSecs * 1000,
    end: T0 + (startSecs + 8) * 1000,
    led,
    felt_ms: server_id === 3 ? null : led ? 2250 : 500,
    recovered_ms: server_id === 3 ? null : led ? 2480 : 640,
    felt_at_least_ms: led ? 2250 : 500,
    requests: 1600,
    bad_requests: led ? 40 : 3,
    failed: led ? 9 : 0,
    retried: 61,
    hedged: 17,
    longest_ms: 1320.4,
    detected_first_ms: 12.4 + 3 * server_id,
    detected_last_ms: 14.4 + 3 * server_id,
    leader_first_ms: led ? 121.25 : null,
    leader_all_ms: led ? 131.25 : null,
    shared: false,
    recovered: server_id === 3 ? null : T0 + (startSecs + 10) * 1000,
    unknown: server_id === 3 ? { felt_ms: NOT_SEEN, recovered_ms: NOT_SEEN } : {},
  };
}

export function sampleReport({ servers = 3, secs = 60, reasons = REASONS }: SampleOptions = {}): Report {
  const ids = Array.from({ length: servers }, (_, at) => at + 1);
  const faults = [0.2, 0.45, 0.7].map((part, at) => faultAt(Math.round(part * secs), at + 1, at !== 1));
  const timeline = timelineOf(ids, secs, faults, reasons);
  const total = sum(timeline.requests);
  const failed = sum(timeline.failed);
  const stats = { min_ms: 8.12, max_ms: 1320.4, avg_ms: 31.7, median_ms: 24.3, p95_ms: 61.9, p99_ms: 212.8 };
  const share: Share = {
    requests: total,
    failed,
    undecided: 0,
    p50_ms: 24.3,
    p95_ms: 61.9,
    p99_ms: 212.8,
    p99_9_ms: 902.1,
    max_ms: 1320.4,
  };
  const service = { service_p50_ms: 24.1, service_p95_ms: 60.2, service_p99_ms: 180.7 };
  return {
    total_requests: total,
    successful_requests: total - failed,
    failed_requests: failed,
    failure_rate: (failed / total) * 100,
    failure_rate_max: (failed / total) * 100,
    decided_requests: total,
    undecided_requests: 0,
    never_sent_requests: 0,
    missing_records: 0,
    server_distribution: Object.fromEntries(timeline.by_server.map((each) => [each.server_id, sum(each.requests)])),
    failure_reasons: Object.fromEntries(timeline.by_reason.map((each) => [each.reason, sum(each.requests)])),
    latency_stats: stats,
    all_stats: { ...stats, p99_9_ms: 902.1 },
    p99_9_ms: 902.1,
    service_stats: { ...stats, p99_ms: 180.7, max_ms: 911 },
    clients_without_percentiles: 0,
    retry_count: 183,
    bytes_sent: 104_201 * total,
    bytes_received: 512_345 * total,
    warmup_secs: 3,
    interrupted_requests: 0,
    unsent_requests: 0,
    runs: [{ run_id: 'run-2f6c', file: 'metrics/machine_1_requests.ndjson', requests: total, taken: true }],
    duration_secs: secs,
    loop: 'open',
    blocked_client_secs: null,
    missed_requests: null,
    unknown: {},
    goodput_per_s: (total - failed) / secs,
    attempted_per_s: total / secs,
    throughput_per_s: (total - failed) / secs,
    slow_limit_ms: null,
    slow_limits_ms: { 'small.png': 46.45, 'medium.jpg': 102.85, 'large.png': null },
    baseline: {
      from: T0 + 3000,
      to: T0 + 12_000,
      requests: 1800,
      bad_window_share: 0,
      felt_resolution_ms: 100,
      unknown: null,
    },
    images: ['small.png', 'medium.jpg', 'large.png'].map((image) => ({ ...share, image })),
    phases: (['warmup', 'steady', 'fault', 'recovering'] as const).map((phase) => ({ ...share, ...service, phase })),
    faults,
    audit: {
      requests: total,
      successes: total - failed,
      hedged: 51,
      executions: total - failed + 4,
      repeated: 4,
      lost: 0,
      corrupted: 0,
      corrupted_by: [],
      excusable: 6,
      adds_up: true,
      why: 'every success has an execution',
    },
    leaders: leadersOf(servers, secs),
    balance: {
      servers_expected: servers,
      total_max_over_mean: 1.041,
      windows: secs,
      judged_windows: secs - 24,
      max_over_mean: { median: 1.08, worst: 1.31 },
      jain: { median: 0.995, worst: 0.94 },
    },
    timeline,
    blocks: { images: ['small.png', 'medium.jpg', 'large.png'], unknown: null, ...blocksOf(total, failed, secs) },
    percentile_curve: [0, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 100].map((percentile) => {
      const latency_ms = Math.min(1320, 8 + 6 / (1 - Math.min(percentile, 99.995) / 100) ** 0.55);
      return { percentile, latency_ms, service_ms: latency_ms * 0.8 };
    }),
    servers: ids.map((id) => seriesOf(id, secs, faults)),
    generators: [generatorOf(secs)],
    loads: [
      {
        run_id: 'run-2f6c',
        machine_id: 1,
        version: '0.1.0',
        node_version: 'v20.20.2',
        host: 'bench-1',
        cores: 8,
        command_line: ['cloudp2p', 'stress', '--rate', '200', '--duration', '60', '--threshold', 'p99<800ms'],
        seed: 42,
        started_at: T0 - 800,
        ended_at: T0 + secs * 1000 + 400,
        warmup_secs: 3,
        config: { clients: 100, rate_per_second: 200, image_directory: './test_images' },
      },
    ],
    clocks: [{ machine: 'user@client1.example.com', offset_ms: 3004.2, uncertainty_ms: 0.4 }],
    clock_changes: [],
    self_check: [
      'The load generator kept up: its event loop was never more than 12 ms late.',
      '183 requests succeeded only after a retry; without retries they would have failed.',
    ],
    verdict: {
      failure_rate: (failed / total) * 100,
      kind: 'facts',
      not_verified: [],
      text: '3 faults, 35 of 11672 requests failed, felt at most 2.25 s, 1 of 3 unknown.',
      scale: 'excellent',
      scale_text: 'Excellent fault tolerance: less than 1% of the requests failed.',
    },
    thresholds: [
      { expression: 'failure_rate<1%', value: (failed / total) * 100, unit: '%', passed: true },
      { expression: 'p99<100ms', value: 212.8, unit: 'ms', passed: false },
      { expression: 'recovery<2s', value: null, unit: 'ms', passed: false },
    ],
    rules: [
      { rule: 'S1 one leader a term', verdict: true, problems: [] },
      { rule: 'S5 no task is lost', verdict: 'unknown', problems: ['server 1 was killed with records in its buffer'] },
      { rule: 'S7 answers are whole', verdict: false, problems: ['request 12 of client 3 came back cut'] },
    ],
    inputs: {
      files: [
        { path: 'metrics/machine_1_requests.ndjson', kind: 'records', lines: total, badLines: 0, problems: [] },
        { path: 'fault_events.ndjson', kind: 'faults', lines: 12, badLines: 1, problems: ['line 12: no JSON'] },
      ],
      missing: ['user@client2.example.com: connection refused'],
      notes: [],
    },
  };
}

/** Five equal blocks with latencies of about 30 ms; those of the steady part are shorter. */
function blocksOf(total: number, failed: number, secs: number): { whole: Block[]; steady: Block[] } {
  const block = (part: number): Block => {
    const count = Math.round((total / 15) * part);
    const operation = { latency_total_us: 30_000 * count, unknown: 0, histogram: [1030, count] };
    const failures = Math.round((failed / 5) * part);
    return {
      secs: (secs / 5) * part,
      successes: 3 * count - failures,
      failed: failures,
      undecided: 0,
      operations: [operation, operation, operation],
    };
  };
  const five = (part: number): Block[] => Array.from({ length: 5 }, () => block(part));
  return { whole: five(1), steady: five(0.5) };
}

const REASONS = ['Connection refused', 'Request timeout after 30s', 'No leader available'];

function timelineOf(
  ids: readonly number[],
  secs: number,
  faults: readonly FaultReport[],
  reasons: readonly string[],
): Timeline {
  const all = Array.from({ length: secs }, (_, at) => at);
  const faultsAt = (at: number) =>
    faults.filter(({ start, end }) => at * 1000 + T0 >= start && at * 1000 + T0 < (end ?? Infinity));
  const isHit = (at: number): boolean => faultsAt(at).some(({ start, led }) => led && T0 + at * 1000 < start + 2000);
  const by_server = ids.map((server_id) => ({
    server_id,
    requests: all.map((at) => {
      const down = faultsAt(at).map((fault) => fault.server_id);
      const up = ids.length - down.length;
      return down.includes(server_id)
        ? 0
        : Math.round((200 / up) * (0.92 + 0.16 * noise(at, server_id)) * (isHit(at) ? 0.5 : 1));
    }),
  }));
  const by_reason = reasons.map((reason, index) => ({
    reason,
    requests: all.map((at) => (isHit(at) ? Math.round(6 * noise(at, index, 5)) : 0)),
  }));
  const of = (lists: readonly { requests: number[] }[]) =>
    all.map((at) => sum(lists.map(({ requests }) => requests[at]!)));
  const latency = (base: number, spread: number, hit: number) =>
    all.map((at) => base * (1 + spread * noise(at, base)) * (isHit(at) ? hit : 1));
  const failed = of(by_reason);
  return {
    from: T0,
    window_ms: 1000,
    failed,
    undecided: all.map(() => 0),
    left_out: 0,
    by_server,
    by_reason,
    requests: of(by_server).map((count, at) => count + Math.floor(failed[at]! / 2)),
    p50_ms: latency(22, 0.2, 1.6),
    p95_ms: latency(52, 0.3, 5),
    p99_ms: latency(80, 0.6, 9),
    max_ms: latency(130, 1, 9),
  };
}

function leadersOf(servers: number, secs: number): NonNullable<Report['leaders']> {
  const at = (part: number, ms = 0): number => T0 + Math.round(part * secs) * 1000 + ms;
  const last = Math.min(3, servers);
  return {
    timeline: [
      { server_id: 1, term: 1, from: T0, to: at(0.2) },
      { server_id: last, term: 2, from: at(0.2, 900), to: at(0.7) },
      { server_id: 2, term: 3, from: at(0.7, 1400), to: T0 + secs * 1000 },
      { server_id: 1, term: 4, from: at(0.9), to: at(0.9, 800) },
    ],
    terms: 4,
    none: [
      { from: at(0.2), to: at(0.2, 900) },
      { from: at(0.7), to: at(0.7, 1400) },
    ],
    several: [{ from: at(0.9), to: at(0.9, 800) }],
    unknown: null,
  };
}

function seriesOf(server_id: number, secs: number, faults: readonly FaultReport[]): Report['servers'][number] {
  const isDown = (at: number): boolean =>
    faults.some(
      (fault) => fault.server_id === server_id && T0 + at * 1000 >= fault.start && T0 + at * 1000 < fault.end!,
    );
  const all = Array.from({ length: secs }, (_, at) => at).filter((at) => !isDown(at));
  return {
    server_id,
    time: all.map((at) => T0 + at * 1000 + 400),
    cpu_percent: all.map((at) => 55 + 30 * noise(at, server_id)),
    memory_bytes: all.map((at) => 1.6e8 + 1e6 * at * noise(server_id)),
    active: all.map((at) => Math.round(4 * noise(at, server_id, 2))),
    queued: all.map((at) => Math.round(9 * noise(at, server_id, 3) ** 4)),
    event_loop_delay_ms: all.map((at) => 2 + 9 * noise(at, server_id, 4) ** 3),
  };
}

function generatorOf(secs: number): Report['generators'][number] {
  const all = Array.from({ length: secs }, (_, at) => at);
  return {
    machine_id: 1,
    time: all.map((at) => T0 + at * 1000 + 100),
    cpu_percent: all.map((at) => 30 + 12 * noise(at, 1)),
    event_loop_delay_ms: all.map((at) => 1 + 11 * noise(at, 2) ** 3),
    in_flight: all.map((at) => Math.round(5 + 3 * noise(at, 3))),
    verification_backlog: all.map((at) => Math.round(2 * noise(at, 4))),
    sent: 12_000,
    late_sends: 31,
    pauses: 0,
    paused_ms: 0,
    longest_pause_ms: 0,
    longest_pause_at: null,
    saturated: false,
    why: null,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
