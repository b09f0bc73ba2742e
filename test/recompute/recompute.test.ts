/** Examples of the independent recomputation, each worked out by hand from honest-figures.md. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

type Json = Record<string, unknown>;
interface Run {
  records: Json[];
  runFiles?: Json[];
  clientFiles?: Json[];
  generator?: Json[];
  events?: Json[];
  faults?: Json[];
}
interface Fault extends Json {
  unknown: Record<string, string>;
}
interface Figures extends Json {
  all_stats: Record<string, number | null>;
  latency_stats: Record<string, number | null>;
  service_stats: Record<string, number | null>;
  slow_limits_ms: Record<string, number | null>;
  baseline: Record<string, number | null>;
  faults: Fault[];
  leaders: { terms: number | null; several_leaders_ms: number | null; leads: Json[] };
}

const PROGRAM: string = './recompute.mjs';

/** A multiple of 250, so that windows begin at 0, 250, 500 ... ms after it. */
const T0 = 1_700_000_000_000;

async function figures(run: Run, readings: Json = {}): Promise<Figures> {
  const { recompute } = (await import(PROGRAM)) as { recompute: (run: Run, readings: Json) => Figures };
  return recompute(run, readings);
}

/** A success of client 1, due `at` ms after T0. */
const record = (id: number, at: number, latency: number, more: Json = {}): Json => ({
  client_id: 1,
  request_id: id,
  start_time: T0 + at,
  latency_ms: latency,
  service_ms: latency,
  success: true,
  failure_reason: null,
  assigned_server_id: 1,
  retry_count: 0,
  hedged: false,
  bytes_sent: 1,
  bytes_received: 1,
  image: 'a.png',
  term: 1,
  outcome: 'success',
  run_id: 'run',
  ...more,
});

const FAILED = { success: false, failure_reason: 'Connection refused', outcome: 'failure' };
const IN_FLIGHT = { success: false, outcome: 'interrupted' };
const UNSENT = { success: false, outcome: 'unsent', assigned_server_id: null, bytes_sent: 0, service_ms: 0 };

/** A closed loop with a mean think time of 1 s. */
const runFile = (config: Json = {}, more: Json = {}): Json => ({
  run_id: 'run',
  machine_id: 1,
  started_at: T0,
  ended_at: T0 + 60_000,
  warmup_secs: 0,
  config: { min_delay_ms: 500, max_delay_ms: 1500, ...config },
  ...more,
});

const OPEN = { rate_per_second: 20, min_delay_ms: undefined, max_delay_ms: undefined };

/** Successes with the latencies 1, 2, ... n, one a second. */
const oneTo = (n: number): Json[] => Array.from({ length: n }, (_, at) => record(at + 1, at * 1000, at + 1));

const fault = (server: number, action: string, from: number, healedBy: string, to: number | null): Json[] => {
  const line = (time: number, what: string, outcome: string): Json => ({
    time: T0 + time,
    cycle: 1,
    server_id: server,
    host: 'h',
    action: what,
    outcome,
    pid: 1,
    detail: null,
  });
  const healed = to === null ? [] : [line(to, healedBy, 'done')];
  return [line(from, action, 'started'), line(from + 10, action, 'done'), ...healed];
};
const kill = (server: number, from: number, to: number | null): Json[] => fault(server, 'kill', from, 'restart', to);

/**
 * Requests of 10 ms every `every` ms for 30 s. The slow limit is 1.5 × 10 + 10 = 25 ms. At 50 ms each window has 5 of
 * them under way. `changes` replaces those due at these times.
 */
const steady = (changes: Record<number, Json> = {}, every = 50, latency = 10): Json[] =>
  Array.from({ length: 30_000 / every }, (_, at) => record(at + 1, at * every, latency, changes[at * every]));

const slow = { latency_ms: 300 };

/** The figures of the first fault: server 1 killed at 20 s, restarted at 24 s. */
const costOf = async (records: Json[], faults = kill(1, 20_000, 24_000), readings: Json = {}): Promise<Fault> =>
  (await figures({ records, runFiles: [runFile()], faults }, readings)).faults[0]!;

describe('percentiles', () => {
  it.each([
    // 99 values: median at 99 × 0.5 + 0.5 = the 50th; p95 at 94.55.
    [99, { median_ms: 50, p95_ms: 94.55, p99_ms: null, p99_9_ms: null }],
    // 100 values: p99 at 99.5, between the 99th and the 100th.
    [100, { median_ms: 50.5, p95_ms: 95.5, p99_ms: 99.5, p99_9_ms: null }],
    [999, { p99_9_ms: null, max_ms: 999 }],
    // 1000 values: p99.9 at 999.5.
    [1000, { p99_ms: 990.5, p99_9_ms: 999.5, min_ms: 1, avg_ms: 500.5 }],
  ])('%d values', async (n, expected) => {
    const { all_stats: all } = await figures({ records: oneTo(n) });
    for (const [name, value] of Object.entries(expected)) {
      if (value === null) expect(all[name]).toBeNull();
      else expect(all[name]).toBeCloseTo(value, 6);
    }
  });

  it('the guide has its p99 only from 100 successes, whatever failed', async () => {
    const records = [...oneTo(99), record(100, 99_000, 5, FAILED)];
    const { latency_stats: guide, all_stats: all } = await figures({ records });
    expect(guide).toMatchObject({ max_ms: 99, p99_ms: null });
    expect(all.p99_ms).not.toBeNull();
  });
});

describe('population', () => {
  // 6 successes, 1 failure, 1 never sent, 1 in flight, 1 that waits at the end.
  const records = [
    ...oneTo(6),
    record(7, 7000, 50, FAILED),
    record(8, 8000, 10_000, { ...UNSENT, failure_reason: 'Never sent: no client was free for 10s' }),
    record(9, 9000, 700, IN_FLIGHT),
    record(10, 10_000, 800, UNSENT),
  ];

  it('counts the undecided as failed in failure_rate_max only', async () => {
    expect(await figures({ records, runFiles: [runFile(OPEN)] })).toMatchObject({
      total_requests: 10,
      decided_requests: 8,
      undecided_requests: 2,
      never_sent_requests: 1,
      successful_requests: 6,
      failed_requests: 2,
      failure_rate: 25, // 2 of 8
      failure_rate_max: 40, // 4 of 10
      failure_reasons: { 'Connection refused': 1, 'Never sent: no client was free for 10s': 1 },
      server_distribution: { 1: 8 }, // all but the two unsent
    });
  });

  it('a failure lasts as long as a success can: 10 s of waiting and 10 s of timeout in an open loop', async () => {
    const { all_stats: all } = await figures({ records, runFiles: [runFile(OPEN)] });
    // 1 … 6, 20,000 twice, 700 and 800: together 41,521 ms.
    expect(all).toMatchObject({ max_ms: 20_000, avg_ms: 4152.1 });
  });

  it('and 10 s of timeout in a closed one; a later failure counts as it is', async () => {
    const late = [record(1, 0, 50, FAILED), record(2, 20_000, 12_000, FAILED)];
    const { all_stats: all } = await figures({ records: late, runFiles: [runFile()] });
    expect(all).toMatchObject({ min_ms: 10_000, max_ms: 12_000 });
  });

  it('leaves out what was due in the warm-up', async () => {
    const early = [record(1, 999, 5, FAILED), record(2, 1000, 7)];
    const run = { records: early, runFiles: [runFile({}, { warmup_secs: 1 })] };
    expect(await figures(run)).toMatchObject({ total_requests: 1, failed_requests: 0, all_stats: { max_ms: 7 } });
  });

  it('lasts from the first due to ended_at, else to the last due', async () => {
    const thirty = Array.from({ length: 30 }, (_, at) => record(at + 1, 2000 + at * 1000, 5));
    // From 2 s to 60 s; without the end to 31 s.
    const ended = await figures({ records: thirty, runFiles: [runFile()] });
    expect(ended).toMatchObject({ duration_secs: 58, goodput_per_s: 30 / 58, attempted_per_s: 30 / 58 });
    const killed = await figures({ records: thirty, runFiles: [runFile({}, { ended_at: null })] });
    expect(killed).toMatchObject({ duration_secs: 29, goodput_per_s: 30 / 29 });
  });
});

describe('missing records', () => {
  const three = [record(1, 0, 5), record(2, 1000, 5), record(4, 3000, 5)];

  it('a gap in the ids of a client is a failure', async () => {
    expect(await figures({ records: three, runFiles: [runFile()] })).toMatchObject({
      missing_records: 1,
      total_requests: 4,
      failed_requests: 1,
      failure_rate: 25,
      failure_reasons: { 'No record': 1 },
      all_stats: { max_ms: 10_000 },
    });
  });

  it('the sums of the client show more, and are not added to the gap', async () => {
    const stats = { total_requests: 6, successful_requests: 6, failed_requests: 0 };
    const clientFiles = [{ machine_id: 1, client_id: 1, aggregated_stats: stats }];
    // 6 claimed, 3 there: 3 missing, one of which is id 3.
    expect(await figures({ records: three, runFiles: [runFile()], clientFiles })).toMatchObject({ missing_records: 3 });
  });

  it('a server that executed request 5 shows it', async () => {
    const name = { run_id: 'run', client_name: 'Machine_1_Client_1', request_id: 5 };
    const events = [{ time: T0 + 5000, server_id: 1, event: 'executed', outcome: 'answered', ...name }];
    expect(await figures({ records: three, runFiles: [runFile()], events })).toMatchObject({ missing_records: 2 });
  });

  it('the plan shows the rest of a load that was not cut short, and a client without any', async () => {
    const plan = runFile({ num_clients: 2, requests_per_client: 5 });
    // Client 1 has 3 of 5, client 2 has 0 of 5.
    expect(await figures({ records: three, runFiles: [plan] })).toMatchObject({ missing_records: 7 });
    const clientFiles = [{ machine_id: 1, client_id: 1, interrupted: true, aggregated_stats: {} }];
    expect(await figures({ records: three, runFiles: [plan], clientFiles })).toMatchObject({ missing_records: 1 });
  });

  it('the samples of the generator show one', async () => {
    const generator = [{ run_id: 'run', time: T0, sent: 5, ended: 5 }];
    expect(await figures({ records: three, runFiles: [runFile()], generator })).toMatchObject({ missing_records: 2 });
  });

  it('a client of a machine that never wrote records is counted from its JSON', async () => {
    const stats = {
      total_requests: 4,
      successful_requests: 3,
      failed_requests: 1,
      latency_min_ms: 1,
      latency_max_ms: 9,
      latency_avg_ms: 5,
      server_distribution: { 2: 4 },
      failure_reasons: { Other: 1 },
    };
    const clientFiles = [{ client_name: 'Machine_3_Client_1', aggregated_stats: stats }];
    expect(await figures({ records: [], clientFiles })).toMatchObject({
      total_requests: 4,
      failure_rate: 25,
      missing_records: 0,
      server_distribution: { 2: 4 },
      latency_stats: { min_ms: 1, max_ms: 9, avg_ms: 5, median_ms: null },
      all_stats: { max_ms: null },
    });
  });
});

describe('closed loop', () => {
  it('tells what was never due', async () => {
    const records = [record(1, 0, 500), record(2, 2000, 1000), record(3, 4000, 2500)];
    // Beyond the think time of 1 s: 0 + 0 + 1.5 s; requests that fit into the wait: 0 + 1 + 2.
    const expected = { loop: 'closed', blocked_client_secs: 1.5, missed_requests: 3 };
    expect(await figures({ records, runFiles: [runFile()] })).toMatchObject(expected);
    // A request that failed at once counts like the longest success, 10 s: 9 s and 10 requests more.
    const failed = { records: [...records, record(4, 9000, 50, FAILED)], runFiles: [runFile()] };
    expect(await figures(failed)).toMatchObject({ blocked_client_secs: 10.5, missed_requests: 13 });
    expect(await figures(failed, { blocked: 'measured' })).toMatchObject({
      blocked_client_secs: 1.5,
      missed_requests: 3,
    });
  });

  it('is unknown if a run file does not tell it, or if machines differ', async () => {
    const records = [record(1, 0, 500, { machine_id: 1 }), record(1, 0, 500, { machine_id: 2 })];
    const unknown = { loop: null, blocked_client_secs: null, missed_requests: null };
    const silent = [runFile({ min_delay_ms: undefined })];
    expect(await figures({ records: records.slice(0, 1), runFiles: silent })).toMatchObject(unknown);
    const mixed = [runFile(), runFile(OPEN, { machine_id: 2 })];
    expect(await figures({ records, runFiles: mixed })).toMatchObject(unknown);
  });

  it('without think time missed_requests is unknown; an open loop has neither', async () => {
    const records = [record(1, 0, 500), record(2, 1000, 250)];
    const hasty = runFile({ min_delay_ms: 0, max_delay_ms: 0 });
    const closed = { blocked_client_secs: 0.75, missed_requests: null };
    expect(await figures({ records, runFiles: [hasty] })).toMatchObject(closed);
    const open = { loop: 'open', blocked_client_secs: null, missed_requests: null };
    expect(await figures({ records, runFiles: [runFile(OPEN)] })).toMatchObject(open);
  });
});

describe('slow limits', () => {
  const alike = (n: number): Json[] => Array.from({ length: n }, (_, at) => record(at + 1, at * 100, 40));

  it('are known from 20 successes that ended before the first fault', async () => {
    const faults = kill(1, 10_000, 14_000);
    const limitOf = async (records: Json[], config = {}): Promise<unknown> =>
      (await figures({ records, runFiles: [runFile(config)], faults })).slow_limits_ms['a.png'];
    expect(await limitOf(alike(20))).toBe(70); // 1.5 × 40 + 10
    expect(await limitOf(alike(19))).toBeNull();
    // The 20th ends at 10,000, not before the fault.
    expect(await limitOf([...alike(19), record(20, 9960, 40)])).toBeNull();
    expect(await limitOf(alike(19), { slow_limit_ms: 55 })).toBe(55);
    // A gap: id 21 is missing, and was under way in the baseline.
    expect(await limitOf([...alike(20), record(22, 9000, 40)])).toBeNull();
  });
});

describe('windows and spans', () => {
  it('two slow requests make the windows bad that they share', async () => {
    // [20,000, 20,300] and [20,050, 20,350]: two windows, until 20,500.
    const cost = await costOf(steady({ 20_000: slow, 20_050: slow }));
    expect(cost).toMatchObject({ felt_ms: 500, recovered_ms: 500, bad_requests: 2, failed: 0, longest_ms: 300 });
    // From 20,000 to the calm at 24,000 80 are due; that at 19,950 has ended by 19,960.
    expect(cost).toMatchObject({ requests: 80, shared: false });
    expect(Object.keys(cost.unknown).filter((name) => !/^(?:detected|leader)_/.test(name))).toEqual([]);
  });

  it('one slow request makes none bad', async () => {
    expect(await costOf(steady({ 20_000: slow }))).toMatchObject({ felt_ms: 0, recovered_ms: 0, bad_requests: 1 });
  });

  it('one failed request makes its window bad', async () => {
    // Due at 20,100: the window ends at 20,250, 150 ms after a fault at 20,100.
    const cost = await costOf(steady({ 20_100: FAILED }), kill(1, 20_100, 24_000));
    expect(cost).toMatchObject({ felt_ms: 150, recovered_ms: 150, failed: 1, bad_requests: 1 });
  });

  it('a request under way is bad by its age, and both of its ends count', async () => {
    // Ends at 20,250 exactly, which belongs to the second window.
    const edge = steady({ 20_000: { latency_ms: 250 }, 20_050: { ...IN_FLIGHT, latency_ms: 200 } });
    expect(await costOf(edge)).toMatchObject({ felt_ms: 500, recovered_ms: 500, bad_requests: 2 });
  });

  it('two of 50 are not more than 5 %, three are', async () => {
    // Every 5 ms, 1 ms long: 50 are under way in a window, 5 % are 2.5. The slow limit is 11.5 ms.
    const two = { 20_000: { latency_ms: 20 }, 20_005: { latency_ms: 20 } };
    expect(await costOf(steady(two, 5, 1))).toMatchObject({ felt_ms: 0, bad_requests: 2 });
    const three = { ...two, 20_010: { latency_ms: 20 } };
    expect(await costOf(steady(three, 5, 1))).toMatchObject({ felt_ms: 250, bad_requests: 3 });
  });

  it('a span ends with the first calm after its heal', async () => {
    // Healed at 24,000. The window at 24,250 is bad, so the calm begins at 24,500; what fails at 26,000 is not of it.
    const cost = await costOf(steady({ 24_300: FAILED, 26_000: FAILED }));
    expect(cost).toMatchObject({ felt_ms: 250, recovered_ms: 4500, failed: 1, requests: 90 });
  });

  it('a calm has a due request in each of its windows', async () => {
    // Nothing is due from 24,250 to 24,999, so the calm begins at 25,000 (or at 24,000 where one due request will do).
    // 80 are due from 20,000 to 23,999, 15 more were moved to 23,990, and 5 are due from 24,000 to 24,249.
    const records = steady({ 24_200: slow }).map((each) => {
      const at = Number(each.start_time) - T0;
      return at >= 24_250 && at < 25_000 ? { ...each, start_time: T0 + 23_990 } : each;
    });
    expect(await costOf(records)).toMatchObject({ requests: 100 });
    expect(await costOf(records, undefined, { calm: 'any' })).toMatchObject({ requests: 95 });
  });

  it('without 1 s of calm before the next fault it is not seen to recover', async () => {
    const faults = [...kill(1, 20_000, 24_000), ...kill(2, 24_900, 26_000)];
    const { faults: rows } = await figures({ records: steady(), runFiles: [runFile()], faults });
    expect(rows[0]).toMatchObject({ felt_ms: null, recovered_ms: null, requests: 98, bad_requests: 0, shared: false });
    expect(rows[0]!.unknown.felt_ms).toBe('not seen to recover');
    expect(rows[1]).toMatchObject({ felt_ms: 0, recovered_ms: 0 });
  });

  it('faults that overlap share a span', async () => {
    const faults = [...kill(1, 20_000, 22_500), ...kill(2, 22_000, 26_000)];
    const { faults: rows } = await figures({ records: steady({ 25_000: FAILED }), runFiles: [runFile()], faults });
    // From 20,000; the bad window ends at 25,250.
    const cost = { shared: true, felt_ms: 250, recovered_ms: 5250, failed: 1 };
    expect(rows).toMatchObject([cost, cost]);
    expect(rows[1]).toMatchObject({ start: T0 + 22_000, end: T0 + 26_000 });
  });

  it('never healed, begun before the first request, or incomplete: unknown', async () => {
    const never = await costOf(steady(), kill(1, 20_000, null));
    expect(never).toMatchObject({ end: null, felt_ms: null, recovered_ms: null, failed: 0 });
    const before = await costOf(steady(), kill(1, -500, 4000));
    expect(before).toMatchObject({ felt_ms: null, requests: null, failed: null });
    const incomplete = await costOf(steady(), kill(1, 20_000, 24_000).slice(1));
    expect(incomplete).toMatchObject({ felt_ms: null, failed: null });
  });

  it('a fault with fewer than 20 due requests is unknown, even in the 4 s at least that count', async () => {
    // A restart of 0.5 s: 20 are due in 4 s at one every 200 ms, 16 at one every 250 ms.
    const restart = kill(1, 20_000, 20_500);
    expect(await costOf(steady({}, 200), restart)).toMatchObject({ felt_ms: 0 });
    expect(await costOf(steady({}, 250), restart)).toMatchObject({ felt_ms: null, failed: 0 });
  });

  it('a missing record near it, or an operation without a limit in it, makes its cost unknown', async () => {
    const gap = steady().filter((each) => each.request_id !== 420); // due at 20,950
    expect(await costOf(gap)).toMatchObject({ felt_ms: null, bad_requests: null, requests: null });
    const later = steady().filter((each) => each.request_id !== 560); // due at 27,950, after the calm
    expect(await costOf(later)).toMatchObject({ felt_ms: 0, bad_requests: 0 });
    expect(await costOf(steady({ 21_000: { image: 'new.png' } }))).toMatchObject({ felt_ms: null, bad_requests: null });
    expect(await costOf(steady({ 27_000: { image: 'new.png' } }))).toMatchObject({ felt_ms: 0 });
  });
});

describe('felt_resolution_ms', () => {
  it('is the shortest stall that would show', async () => {
    // One every 50 ms. A stall of 50 ms delays one. One of 100 ms makes the one due at its start take 110 ms and the one
    // 50 ms later take 60 ms: two are above the limit of 25 ms, in the same window.
    const { baseline } = await figures({ records: steady(), runFiles: [runFile()], faults: kill(1, 20_000, 24_000) });
    expect(baseline).toMatchObject({ felt_resolution_ms: 100, bad_window_share: 0, requests: 400 });
    expect(baseline).toMatchObject({ from: T0, to: T0 + 20_000 });
  });

  it('depends on the spacing; failures in the baseline are in its share', async () => {
    const run = { runFiles: [runFile()], faults: kill(1, 20_000, 24_000) };
    const baselineOf = async (records: Json[], readings = {}): Promise<unknown> =>
      (await figures({ ...run, records }, readings)).baseline;
    // One of the 80 windows from 0 to 20,000.
    expect(await baselineOf(steady({ 10_000: FAILED }))).toMatchObject({ bad_window_share: 1 / 80 });
    // One every 25 ms and a stall of 50 ms: 60 and 35 ms, both above 25.
    expect(await baselineOf(steady({}, 25))).toMatchObject({ felt_resolution_ms: 50 });
    // One every 125 ms: in 100 ms only one is due; in 250 ms two, which take 260 and 135 ms.
    expect(await baselineOf(steady({}, 125))).toMatchObject({ felt_resolution_ms: 250 });
  });

  it('a stall delays what is due late in it by less, unless that is read as the whole length', async () => {
    // Every 240 ms, 10 ms: a stall of 250 ms from the start of a window finds one or two. Where it finds two, at most
    // 10 ms after its start and 240 ms later, the second ends 10 ms or less after the stall: not above 25 ms.
    // A stall of 1.5 s finds six, so 500 ms (two, due up to 240 ms after its start and 240 ms later) is the shortest.
    const run = { records: steady({}, 240), runFiles: [runFile()], faults: kill(1, 20_000, 24_000) };
    expect((await figures(run)).baseline.felt_resolution_ms).toBe(500);
    // By the other reading both take 260 ms, but two are found in few windows only: 500 ms, too.
    expect((await figures(run, { delay: 'whole' })).baseline.felt_resolution_ms).toBe(500);
    // Every 45 ms, and a stall of 50 ms: the second, 45 ms later, takes 15 ms, or 60 ms by the other reading; but one
    // window in nine only finds two. Every 25 ms and 20 ms long (limit 40 ms): 70 and 45 ms, both above it.
    const long = { ...run, records: steady({}, 25, 20) };
    expect((await figures(long)).baseline.felt_resolution_ms).toBe(50);
  });
});

describe('servers', () => {
  const event = (time: number, server: number, name: string, more: Json = {}): Json => ({
    time: T0 + time,
    server_id: server,
    event: name,
    ...more,
  });
  const lead = (time: number, server: number, term: number, leader: number): Json =>
    event(time, server, 'leader', { term, leader_id: leader, reason: '' });
  const down = (time: number, server: number, peer: number): Json =>
    event(time, server, 'peer_down', { peer_id: peer, reason: 'refused' });

  it('balance divides by every server that was there', async () => {
    const records = [1, 1, 1, 2].map((id, at) => record(at + 1, at * 1000, 5, { assigned_server_id: id }));
    const servers = { server_addresses: ['a:1', 'b:1', 'c:1'] };
    // 3 of 4 requests; the mean is 4 / 3.
    const expected = { total_max_over_mean: 2.25, servers_expected: 3 };
    expect((await figures({ records, runFiles: [runFile(servers)] })).balance).toEqual(expected);
    const unknown = { total_max_over_mean: null, servers_expected: null };
    expect((await figures({ records, runFiles: [runFile()] })).balance).toEqual(unknown);
  });

  const events = [
    ...[1, 2, 3].map((id) => lead(-1000, id, 1, 1)),
    event(19_900, 1, 'sample'),
    ...[down(20_020, 2, 1), down(20_030, 3, 1), lead(20_050, 3, 2, 3), lead(20_080, 2, 2, 3)],
    ...[1, 2, 3].map((id) => event(30_000, id, 'stopped')),
  ];
  const run = { records: steady(), runFiles: [runFile()], faults: kill(1, 20_000, 24_000) };

  it('a fault is detected, and a new leader followed, by every survivor', async () => {
    const { faults, leaders } = await figures({ ...run, events });
    const detected = { detected_first_ms: 20, detected_last_ms: 30 };
    expect(faults[0]).toMatchObject({ ...detected, leader_first_ms: 50, leader_all_ms: 80 });
    // Terms 1 and 2; the first lead ends when the kill was sent.
    expect(leaders).toMatchObject({ terms: 2, several_leaders_ms: 0 });
    expect(leaders.leads).toMatchObject([{ to: T0 + 20_000 }, { from: T0 + 20_050 }]);
  });

  it('a survivor that never did is named, and a missing file makes all unknown', async () => {
    const deaf = events.filter((each) => each.server_id !== 2 || Number(each.time) !== T0 + 20_080);
    const [row] = (await figures({ ...run, events: deaf })).faults;
    expect(row).toMatchObject({ leader_first_ms: 50, leader_all_ms: null });
    expect(row!.unknown.leader_all_ms).toBe('server 2 followed no leader');
    const missing = events.filter((each) => each.server_id !== 2);
    const { faults, leaders } = await figures({ ...run, events: [...missing, down(29_000, 3, 2)] });
    expect(faults[0]).toMatchObject({ detected_first_ms: null, leader_first_ms: null });
    expect(leaders.terms).toBeNull();
  });

  it('two leaders are told only where both were certainly alive', async () => {
    // Server 1 leads from 0, and its last sign is at 8 s; server 2 leads from 5 s: 3 s are certain.
    const both = [lead(0, 1, 1, 1), lead(5000, 2, 2, 2), event(8000, 1, 'sample'), event(29_000, 2, 'stopped')];
    const { leaders } = await figures({ ...run, faults: [], events: both });
    expect(leaders).toMatchObject({ several_leaders_ms: 3000, terms: 2 });
  });
});

it('reads a folder', () => {
  // The reader also looks in the folder above, and below that: other tests' folders come and go in the system's.
  const above = mkdtempSync(path.join(tmpdir(), 'recompute-'));
  const folder = path.join(above, 'metrics');
  try {
    mkdirSync(folder);
    const lines = [...oneTo(3).map((each) => JSON.stringify(each)), '{"half'];
    writeFileSync(path.join(folder, 'machine_1_requests.ndjson'), lines.join('\n'));
    writeFileSync(path.join(folder, 'machine_1_run.json'), JSON.stringify(runFile()));
    const program = path.join(__dirname, 'recompute.mjs');
    const printed = execFileSync(process.execPath, [program, folder], { encoding: 'utf8' });
    expect(JSON.parse(printed)).toMatchObject({ total_requests: 3, loop: 'closed', duration_secs: 60 });
  } finally {
    rmSync(above, { recursive: true });
  }
});
