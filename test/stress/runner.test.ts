import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { ClientMetrics } from '../../src/client/metrics-file';
import type { RequestRecord, StressRunFile } from '../../src/core/metrics/record';
import { parseThreshold } from '../../src/core/metrics/threshold';
import { systemClock } from '../../src/core/system/system-clock';
import type { StressOptions } from '../../src/stress/options';
import { runStress } from '../../src/stress/runner';
import { Screen } from '../../src/stress/screen';
import { closeAll, startServers } from '../client/clients';
import { carrierOf } from '../client/scripted-server';
import { randomBytes } from '../imaging/pictures';
import { deadAddress } from '../status/listening';
import { stressOptions } from './options';
import { withRealServer } from './real-server';

const FIELDS = [
  ...['client_id', 'request_id', 'start_time', 'latency_ms', 'service_ms', 'success', 'failure_reason'],
  ...[
    'assigned_server_id',
    'retry_count',
    'hedged',
    'bytes_sent',
    'bytes_received',
    'image',
    'term',
    'outcome',
    'run_id',
  ],
];

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-stress-'))));
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

/** Runs 3 clients of 4 requests each; returns the report and the output. */
async function run(addresses: readonly string[], change: Partial<StressOptions> = {}) {
  const output = new PassThrough();
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const screen = new Screen(output, systemClock);
  const report = await runStress(stressOptions(addresses, { machineId: 2, metricsDir: at('m'), screen, ...change }));
  return { report, shown };
}

function records(): RequestRecord[] {
  const text = readFileSync(at('m', 'machine_2_requests.ndjson'), 'utf8');
  expect(text).toMatch(/^$|\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RequestRecord);
}

const runFile = (): StressRunFile => JSON.parse(readFileSync(at('m', 'machine_2_run.json'), 'utf8')) as StressRunFile;

const metricsOf = (client: number): ClientMetrics =>
  JSON.parse(readFileSync(at('m', `machine_2_client_${client}.json`), 'utf8')) as ClientMetrics;

describe('a run', () => {
  it('against a real server: every request is in the records, the metrics and the summary', async () => {
    await withRealServer(async (address) => {
      const { report, shown } = await run([address], { numClients: 5, notes: ['a note'] });
      const all = records();
      expect(all.length).toBe(20);
      for (const record of all) expect(Object.keys(record)).toEqual(FIELDS);
      expect(all.every(({ outcome, run_id }) => outcome === 'success' && run_id === report.run_id)).toBe(true);
      expect(new Set(all.map(({ client_id, request_id }) => `${client_id}/${request_id}`)).size).toBe(20);
      expect(report).toMatchObject({
        machine_id: 2,
        seed: 5,
        num_clients: 5,
        interrupted: false,
        problem: null,
        previous_dir: null,
        aggregated_stats: { total_requests: 20, successful_requests: 20, server_distribution: { 1: 20 } },
      });
      for (const client of [1, 2, 3, 4, 5]) {
        expect(metricsOf(client)).toMatchObject({
          client_name: `Machine_2_Client_${client}`,
          machine_id: 2,
          client_id: client,
          run_id: report.run_id,
          interrupted: false,
          aggregated_stats: { total_requests: 4, successful_requests: 4 },
        });
        const log = readFileSync(at('m', `machine_2_client_${client}.log`), 'utf8');
        expect(log.match(/ request \d done/g)?.length).toBe(4);
      }
      expect(readdirSync(at('m')).length).toBe(13);
      const lines = shown.split('\n');
      expect(lines.slice(0, 4)).toEqual([
        'a note',
        '='.repeat(34),
        'CloudP2P Stress Test Configuration',
        '='.repeat(34),
      ]);
      expect(lines.slice(15, 20)).toEqual([
        ...['='.repeat(34), '', 'Starting 5 clients...', ''],
        expect.stringMatching(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] Starting client 1\/5: Machine_2_Client_1$/),
      ]);
      expect(shown).toMatch(/\nRequests: {2}20 in .*\nFailed: {4}0 \(0\.00%\)\n/);
    });
  });

  it('a seed sends the same images, another one others', async () => {
    const [server] = await startServers({});
    const choices = async (seed: number): Promise<string[]> => {
      await run([server!.address], { seed, requests: { ...QUICK, totalRequests: 12 } });
      return records()
        .sort((a, b) => a.client_id - b.client_id || a.request_id - b.request_id)
        .map(({ image }) => image);
    };
    const first = await choices(7);
    expect(await choices(7)).toEqual(first);
    expect(await choices(8)).not.toEqual(first);
    // No two clients do the same.
    expect(first.slice(0, 12)).not.toEqual(first.slice(12, 24));
    expect(readdirSync(at('m')).filter((name) => name.startsWith('previous-')).length).toBe(2);
  });

  it('clients start after a think time of their own', async () => {
    const [server] = await startServers({});
    const pacing = { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 400 } as const;
    const { report } = await run([server!.address], {
      numClients: 8,
      requests: { pacing, totalRequests: 1, rampUpMs: 0 },
    });
    const startsMs = records().map(({ start_time }) => start_time - report.started_at);
    for (const ms of startsMs) expect(ms).toBeGreaterThanOrEqual(100);
    expect(Math.max(...startsMs) - Math.min(...startsMs)).toBeGreaterThan(50);
  });

  it('a duration ends it', async () => {
    const [server] = await startServers({});
    const { report } = await run([server!.address], { requests: { ...QUICK, durationMs: 300 } });
    expect(report.test_duration_secs).toBeGreaterThan(0.2);
    expect(report.aggregated_stats.total_requests).toBe(records().length);
    expect(metricsOf(1).interrupted).toBe(false);
  });

  it('a wrong carrier is a failure with its own reason', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.answer(task, carrierOf(randomBytes(3))) });
    const { report } = await run([server!.address]);
    expect(report.aggregated_stats.failure_reasons).toEqual({ 'Verification failed': 12 });
    expect(report).toMatchObject({ wrong_carriers: 12, wrong_carriers_by_server: { 1: 12 } });
  });

  it('shows the leader and failures, in lines on a pipe', async () => {
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'clearTimeout', 'performance', 'Date'],
    });
    try {
      let isRefused = false;
      const [server] = await startServers({
        onTask: (task, self) => (isRefused ? self.refuse(task, 'x', 'no \u001b[2J') : self.answer(task)),
      });
      const controller = new AbortController();
      const running = run([server!.address], { requests: { ...QUICK, durationMs: 60_000 }, signal: controller.signal });
      await server!.got('TaskRequest', 10);
      isRefused = true;
      await server!.got('TaskRequest', server!.all('TaskRequest').length + 10);
      jest.advanceTimersByTime(5000);
      controller.abort();
      const { shown } = await running;
      expect(shown).toMatch(
        /\n\[.{19}\] INFO \d+ done, [\d.]+\/s, \d+ failed, p95 [\d.]+ ms, leader 1 \(term 7\), last failure: Server error: no \\u001b\[2J\n/,
      );
      expect(shown).not.toMatch(/\u001b/);
    } finally {
      jest.useRealTimers();
    }
  });
});

const QUICK = { pacing: { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 1 }, rampUpMs: 0 } as const;

describe('Ctrl-C', () => {
  it('ends requests in flight as interrupted, and files are whole', async () => {
    const controller = new AbortController();
    const [server] = await startServers({
      onTask: (task, self) => {
        if (task.message.request_id <= 2) return self.answer(task);
        if (self.all('TaskRequest').filter(({ message }) => message.request_id === 3).length === 3) controller.abort();
      },
    });
    const { report, shown } = await run([server!.address], {
      signal: controller.signal,
      requestTimeoutMs: 20_000,
      requests: { ...QUICK, durationMs: 60_000 },
    });
    expect(report).toMatchObject({ interrupted: true, interrupted_requests: 3, problem: null });
    expect(report.aggregated_stats.total_requests).toBe(6);
    const outcomes = records().map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual([...Array(3).fill('interrupted'), ...Array(6).fill('success')]);
    for (const client of [1, 2, 3]) {
      expect(metricsOf(client)).toMatchObject({ interrupted: true, aggregated_stats: { total_requests: 2 } });
    }
    expect(shown).toContain(' INFO stopping; requests in flight count as interrupted');
    await server!.until(() => server!.connections.length === 0);
  });

  it('while it waits for a server: nothing is touched', async () => {
    mkdirSync(at('m'));
    writeFileSync(at('m', 'machine_2_requests.ndjson'), 'before\n');
    const controller = new AbortController();
    const running = run([await deadAddress()], { signal: controller.signal, waitMs: 60_000 });
    controller.abort();
    const { report, shown } = await running;
    expect(report).toMatchObject({ interrupted: true, aggregated_stats: { total_requests: 0 } });
    expect(readFileSync(at('m', 'machine_2_requests.ndjson'), 'utf8')).toBe('before\n');
    expect({ shown, names: readdirSync(at('m')) }).toEqual({ shown: '', names: ['machine_2_requests.ndjson'] });
  });
});

/** Answers only assignment requests. */
const SILENT = { onTask: () => undefined };
const at50 = { pacing: { mode: 'rate', ratePerSecond: 50, arrivals: 'uniform' }, rampUpMs: 0 } as const;

describe('at a rate', () => {
  it('requests come on schedule, to all clients in turn, whatever came before', async () => {
    const [server] = await startServers({});
    const { report, shown } = await run([server!.address], { requests: { ...at50, durationMs: 600 } });
    const all = records().sort((a, b) => a.start_time - b.start_time);
    expect(all.length).toBe(30);
    all.forEach(({ start_time }, i) => expect(start_time - all[0]!.start_time).toBeCloseTo(20 * i, 1));
    expect(all.map(({ client_id }) => client_id)).toEqual(Array.from({ length: 30 }, (_, i) => 1 + (i % 3)));
    for (const { latency_ms, service_ms } of all) expect(latency_ms).toBeGreaterThanOrEqual(service_ms);
    expect(report).toMatchObject({ unsent_requests: 0, aggregated_stats: { successful_requests: 30 } });
    expect(report.service_stats.p95_ms).toBeLessThanOrEqual(report.aggregated_stats.latency_p95_ms!);
    expect(shown).toMatch(/\nLatency: {3}min .*\nService: {3}min .*\n/);
    expect([1, 2, 3].map((id) => metricsOf(id).aggregated_stats.total_requests)).toEqual([10, 10, 10]);
  });

  it('a request that no client is free for in time was never sent, and has failed', async () => {
    const [server] = await startServers(SILENT);
    const { report, shown } = await run([server!.address], {
      requestTimeoutMs: 300,
      requests: { ...at50, durationMs: 1500 },
      thresholds: [parseThreshold('failure_rate<1%'), parseThreshold('p50<599ms'), parseThreshold('throughput>0')],
    });
    const unsent = records().filter(({ bytes_sent: bytes }) => bytes === 0);
    expect(unsent.length).toBeGreaterThan(30);
    for (const record of unsent) {
      const failure_reason = 'Never sent: no client was free for 0.3s';
      expect(record).toMatchObject({ outcome: 'failure', success: false, failure_reason, assigned_server_id: null });
      expect(record.latency_ms).toBeGreaterThan(300);
    }
    const { aggregated_stats: stats } = report;
    expect(stats).toMatchObject({ total_requests: 75, failed_requests: 75, failure_rate: 100 });
    expect(report.thresholds.map(({ passed }) => passed)).toEqual([false, false, false]);
    expect(shown).toContain(`\nFailure:   Never sent: no client was free for 0.3s: ${unsent.length}\n`);
  });

  it('a number of requests ends it, too', async () => {
    const [server] = await startServers({});
    const { report } = await run([server!.address], { requests: { ...at50, totalRequests: 4 } });
    expect(report.aggregated_stats.total_requests).toBe(12);
  });

  it('a seed gives the same times and images', async () => {
    const [server] = await startServers({});
    const poisson = { pacing: { ...at50.pacing, arrivals: 'poisson' }, rampUpMs: 0, totalRequests: 4 } as const;
    const arrivals = async (seed: number) => {
      await run([server!.address], { seed, requests: poisson });
      const all = records().sort((a, b) => a.start_time - b.start_time);
      return all.map(({ start_time, image }) => ({ ms: Math.round(start_time - all[0]!.start_time), image }));
    };
    const first = await arrivals(7);
    expect(await arrivals(7)).toEqual(first);
    expect(await arrivals(8)).not.toEqual(first);
  });

  it('Ctrl-C: requests in flight are interrupted, waiting ones unsent, and neither is in a total', async () => {
    const controller = new AbortController();
    const [server] = await startServers(SILENT);
    const running = run([server!.address], {
      signal: controller.signal,
      requestTimeoutMs: 20_000,
      requests: { ...at50, durationMs: 60_000 },
    });
    await server!.got('TaskRequest', 3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    controller.abort();
    const { report, shown } = await running;
    expect(report).toMatchObject({
      interrupted: true,
      interrupted_requests: 3,
      aggregated_stats: { total_requests: 0 },
    });
    const unsent = records().filter(({ outcome }) => outcome === 'unsent');
    expect(unsent.length).toBe(report.unsent_requests);
    expect(unsent.length).toBeGreaterThanOrEqual(9);
    for (const { service_ms, bytes_sent, success } of unsent) {
      expect({ service_ms: service_ms < 5, bytes_sent, success }).toEqual({
        service_ms: true,
        bytes_sent: 0,
        success: false,
      });
    }
    expect(shown).toContain(`, 3 more in flight, ${unsent.length} more waiting for a client\n`);
    expect(new Set(records().map(({ client_id, request_id }) => `${client_id}/${request_id}`)).size).toBe(
      records().length,
    );
  });
});

describe('the end of the duration', () => {
  it('requests in flight get gracefulStopMs, then they are interrupted, not failed', async () => {
    const [server] = await startServers(SILENT);
    const { report } = await run([server!.address], {
      requests: { ...QUICK, durationMs: 300 },
      gracefulStopMs: 200,
      requestTimeoutMs: 20_000,
    });
    expect(report).toMatchObject({
      interrupted: false,
      interrupted_requests: 3,
      aggregated_stats: { total_requests: 0 },
    });
    expect(report.test_duration_secs).toBeGreaterThanOrEqual(0.5);
    expect(report.test_duration_secs).toBeLessThan(2);
    expect(records().map(({ outcome }) => outcome)).toEqual(['interrupted', 'interrupted', 'interrupted']);
  });

  it('those that end in that time count', async () => {
    const [server] = await startServers({
      onTask: (task, self) => void setTimeout(() => self.answer(task), 600),
    });
    const { report } = await run([server!.address], { requests: { ...QUICK, durationMs: 300 } });
    expect(report).toMatchObject({ interrupted_requests: 0, aggregated_stats: { successful_requests: 3 } });
  });
});

it('a ramp-up: clients start spread over it', async () => {
  const [server] = await startServers({});
  const requests = { ...QUICK, totalRequests: 1, rampUpMs: 400 };
  const { report } = await run([server!.address], { numClients: 4, requests });
  const startsMs = records().map(({ start_time }) => start_time - report.started_at);
  startsMs.forEach((ms, index) => {
    expect(ms).toBeGreaterThanOrEqual(100 * index - 1);
    expect(ms).toBeLessThan(100 * index + 90);
  });
});

describe('thresholds', () => {
  const thresholds = ['failure_rate<50%', 'p50<10s', 'throughput>1000000', 'p95<10s', 'imbalance<=1', 'p99.9<10s'];
  const parsed = thresholds.map((each) => parseThreshold(each));

  it('each is evaluated and shown', async () => {
    const [server] = await startServers({});
    const { report, shown } = await run([server!.address], { thresholds: parsed });
    expect(report.thresholds.map(({ expression, passed }) => [expression, passed])).toEqual([
      ...[
        ['failure_rate<50%', true],
        ['p50<10s', true],
        ['throughput>1000000', false],
      ],
      ...[
        ['p95<10s', true],
        ['imbalance<=1', true],
        // Of fewer than 1,000 requests, nobody knows.
        ['p99.9<10s', false],
      ],
    ]);
    expect(shown).toMatch(
      /\nThreshold failure_rate<50%: passed \(0\.00%\)\nThreshold p50<10s: passed \([\d.]+ ms\)\nThreshold throughput>1000000: crossed \([\d.]+\/s\)\n/,
    );
  });

  it('the warm-up is excluded', async () => {
    // The first task is refused: its request is due as the load begins.
    let tasks = 0;
    const [server] = await startServers({
      onTask: (task, self) => (tasks++ === 0 ? self.refuse(task, 'x', 'cold') : self.answer(task)),
    });
    const warmupMs = 300;
    const requests = { ...QUICK, durationMs: 700 };
    const { report } = await run([server!.address], { requests, warmupMs, thresholds: parsed.slice(0, 2) });
    expect(records().some(({ success }) => !success)).toBe(true);
    expect(report.aggregated_stats.failed_requests).toBe(0);
    expect(report).toMatchObject({ warmup_secs: 0.3, thresholds: [{ value: 0, passed: true }, { passed: true }] });
    expect(runFile().warmup_secs).toBe(0.3);
  });

  it('undecided requests count as failed', async () => {
    const [server] = await startServers(SILENT);
    const { report, shown } = await run([server!.address], {
      requests: { ...QUICK, durationMs: 100 },
      gracefulStopMs: 0,
      thresholds: parsed.slice(0, 1),
    });
    expect(report.thresholds).toEqual([{ expression: 'failure_rate<50%', value: 100, unit: '%', passed: false }]);
    expect(report).toMatchObject({ failure_rate_max: 100, aggregated_stats: { failed_requests: 0 } });
    expect(shown).toContain('\nThreshold failure_rate<50%: crossed (100.00%)\n');
  });

  it('one of --abort-on ends the run, and files are whole', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.refuse(task, 'x', 'broken') });
    // A failure counts with the longest that a success can take: 2 s.
    const abortOn = [parseThreshold('p99<3s'), parseThreshold('failure_rate<5%')];
    const { report, shown } = await run([server!.address], { requests: { ...QUICK, durationMs: 60_000 }, abortOn });
    expect(report.aborted_by).toEqual({ expression: 'failure_rate<5%', value: 100, unit: '%', passed: false });
    expect(report).toMatchObject({ interrupted: false, problem: null });
    expect(report.aggregated_stats.total_requests).toBeGreaterThanOrEqual(100);
    expect(records().length).toBe(report.aggregated_stats.total_requests + report.interrupted_requests);
    expect(shown).toContain(' ERROR aborted: failure_rate<5% crossed (100.00%); no more requests are started\n');
  });
});

describe('machine_{n}_run.json', () => {
  it('has everything to repeat the run, from start to end', async () => {
    let before: StressRunFile | undefined;
    const [server] = await startServers({
      onTask: (task, self) => {
        before ??= runFile();
        self.answer(task);
      },
    });
    const { report } = await run([server!.address]);
    const metadata = {
      run_id: report.run_id,
      machine_id: 2,
      seed: 5,
      warmup_secs: 0,
      config: { some: 'thing' },
      cores: 2,
    };
    expect(before).toMatchObject({ ...metadata, ended_at: null });
    expect(runFile()).toMatchObject({ ...metadata, started_at: report.started_at });
    expect(runFile().ended_at! - report.started_at).toBeCloseTo(report.test_duration_secs * 1000, -1);
  });
});

it('more clients than possible connections: refused before anything is touched', async () => {
  const addresses = Array.from({ length: 20 }, (_, index) => `127.0.0.1:${index + 1}`);
  await expect(run(addresses, { numClients: 10_000_000 })).rejects.toMatchObject({ code: 'bad_usage' });
  expect(existsSync(at('m'))).toBe(false);
});

describe('something missing', () => {
  it('no server: names them all, and writes nothing', async () => {
    const addresses = [await deadAddress(), await deadAddress()];
    await expect(run(addresses, { waitMs: 200 })).rejects.toMatchObject({
      code: 'not_reachable',
      message: `no server answered within 0.2 s: ${addresses.join(', ')}`,
    });
    expect(existsSync(at('m'))).toBe(false);
  });

  it('one that answers is enough, even if it comes late', async () => {
    const [server] = await startServers({});
    await server!.close();
    const running = run([await deadAddress(), server!.address]);
    await server!.open();
    expect((await running).report.aggregated_stats.successful_requests).toBeGreaterThan(0);
  });

  it('a metrics folder that is a file', async () => {
    const [server] = await startServers({});
    writeFileSync(at('m'), '');
    await expect(run([server!.address])).rejects.toMatchObject({ code: 'bad_usage' });
    expect(server!.all('TaskRequest')).toEqual([]);
  });

  it('a folder removed meanwhile: logged once, ends by itself, and is in the report', async () => {
    const [server] = await startServers({
      onTask: (task, self) => {
        if (self.all('TaskRequest').length === 5) rmSync(at('m'), { recursive: true });
        self.answer(task);
      },
    });
    const { report, shown } = await run([server!.address], { requests: { ...QUICK, durationMs: 60_000 } });
    expect(report.problem).toMatch(/^cannot write .*machine_2_client_\d\.log: does not exist$/);
    expect(shown.match(/ ERROR /g)?.length).toBe(1);
    expect(shown).toContain('; no more requests are started\n');
    expect(report.interrupted).toBe(false);
  }, 15_000);
});
