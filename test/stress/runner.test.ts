import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { ClientMetrics } from '../../src/client/metrics-file';
import type { RequestRecord } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system-clock';
import { runStress, type StressOptions } from '../../src/stress/runner';
import { Screen } from '../../src/stress/screen';
import { closeAll, startServers } from '../client/clients';
import { carrierOf } from '../client/scripted-server';
import { randomBytes } from '../imaging/pictures';
import { deadAddress } from '../status/listening';
import { withRealServer } from './real-server';

const IMAGES = ['a.png', 'b.png', 'c.png'].map((name, index) => ({ name, bytes: randomBytes(100 + index) }));
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

/** A run of 3 clients of 4 requests each; what it said and left. */
async function run(addresses: readonly string[], change: Partial<StressOptions> = {}) {
  const output = new PassThrough();
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const pacing = { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 10 } as const;
  const report = await runStress({
    ...{ machineId: 2, numClients: 3, requests: { pacing, totalRequests: 4 }, images: IMAGES, seed: 5 },
    ...{ serverAddresses: addresses, requestTimeoutMs: 2000, metricsDir: at('m'), waitMs: 5000, notes: [] },
    ...{ names: { images: 'pictures', clientConfig: 'client.toml' }, clock: systemClock, logLevel: 'debug' },
    ...{ signal: new AbortController().signal, screen: new Screen(output, systemClock) },
    ...change,
  });
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

const metricsOf = (client: number): ClientMetrics =>
  JSON.parse(readFileSync(at('m', `machine_2_client_${client}.json`), 'utf8')) as ClientMetrics;

describe('a run', () => {
  it('against a server of the product: every request is in the records, the numbers and the summary', async () => {
    await withRealServer(async (address) => {
      const { report, shown } = await run([address], { numClients: 5, notes: ['a note'] });
      const all = records();
      expect(all.length).toBe(20);
      for (const record of all) expect(Object.keys(record)).toEqual(FIELDS);
      expect(all.every(({ outcome, run_id }) => outcome === 'success' && run_id === report.run_id)).toBe(true);
      expect(new Set(all.map(({ client_id, request_id }) => `${client_id}/${request_id}`)).size).toBe(20);
      expect(report).toMatchObject({
        ...{ machine_id: 2, seed: 5, num_clients: 5, interrupted: false, problem: null, previous_dir: null },
        aggregated_stats: { total_requests: 20, successful_requests: 20, server_distribution: { 1: 20 } },
      });
      for (const client of [1, 2, 3, 4, 5]) {
        expect(metricsOf(client)).toMatchObject({
          ...{ client_name: `Machine_2_Client_${client}`, machine_id: 2, client_id: client, run_id: report.run_id },
          ...{ interrupted: false, aggregated_stats: { total_requests: 4, successful_requests: 4 } },
        });
        const log = readFileSync(at('m', `machine_2_client_${client}.log`), 'utf8');
        expect(log.match(/ request \d done/g)?.length).toBe(4);
      }
      expect(readdirSync(at('m')).length).toBe(11);
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

  it('the same seed sends the same pictures, another one others', async () => {
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

  it('clients begin after a think time of their own', async () => {
    const [server] = await startServers({});
    const pacing = { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 400 } as const;
    const { report } = await run([server!.address], { numClients: 8, requests: { pacing, totalRequests: 1 } });
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

  it('a wrong carrier is a failure by its name', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.answer(task, carrierOf(randomBytes(3))) });
    const { report } = await run([server!.address]);
    expect(report.aggregated_stats.failure_reasons).toEqual({ 'Verification failed': 12 });
  });

  it('says who leads and what fails, in lines on a pipe', async () => {
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

const QUICK = { pacing: { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 1 } } as const;

describe('Ctrl-C', () => {
  it('ends what is in flight as interrupted, and the files are whole', async () => {
    const controller = new AbortController();
    const [server] = await startServers({
      onTask: (task, self) => {
        if (task.message.request_id <= 2) return self.answer(task);
        if (self.all('TaskRequest').filter(({ message }) => message.request_id === 3).length === 3) controller.abort();
      },
    });
    const { report, shown } = await run([server!.address], {
      ...{ signal: controller.signal, requestTimeoutMs: 20_000 },
      requests: { ...QUICK, durationMs: 60_000 },
    });
    expect(report).toMatchObject({ interrupted: true, interrupted_requests: 3, problem: null });
    expect(report.aggregated_stats.total_requests).toBe(6);
    const outcomes = records().map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual([...Array(3).fill('interrupted'), ...Array(6).fill('success')]);
    for (const client of [1, 2, 3]) {
      expect(metricsOf(client)).toMatchObject({ interrupted: true, aggregated_stats: { total_requests: 2 } });
    }
    expect(shown).toContain(' INFO stopping; what is in flight counts as interrupted');
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

describe('what is not there', () => {
  it('no server: names them all, and writes nothing', async () => {
    const addresses = [await deadAddress(), await deadAddress()];
    await expect(run(addresses, { waitMs: 200 })).rejects.toMatchObject({
      code: 'not_reachable',
      message: `no server answered within 0.2 s: ${addresses.join(', ')}`,
    });
    expect(existsSync(at('m'))).toBe(false);
  });

  it('one that answers is enough, and one that comes late too', async () => {
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

  it('a folder that is removed meanwhile: said once, ends by itself, and the report says it', async () => {
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
