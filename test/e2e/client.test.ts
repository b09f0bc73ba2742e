import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import type { Cluster } from '../support/cluster';
import { freePorts } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { inFolder, runProgram, startProgram } from '../support/program';

const IMAGES = path.join(__dirname, '../../test_images');
const LARGE = path.join(IMAGES, 'large.png');
const SIZES = ['small.png', 'medium.jpg', 'large.png'];

interface Metrics extends Record<string, unknown> {
  started_at: number;
  test_duration_secs: number;
  interrupted: boolean;
  aggregated_stats: Record<string, number> & {
    server_distribution: Record<string, number>;
    failure_reasons: Record<string, number>;
  };
  latency_digest: [number, number][];
}

const FIELDS = ['client_name', 'machine_id', 'client_id', 'started_at', 'test_duration_secs', 'interrupted'];
const STATS = [
  ...['total_requests', 'successful_requests', 'failed_requests', 'failure_rate'],
  ...['latency_min_ms', 'latency_max_ms', 'latency_avg_ms', 'latency_p50_ms', 'latency_p95_ms', 'latency_p99_ms'],
  ...['server_distribution', 'failure_reasons', 'retry_count', 'hedged_requests', 'wrong_carriers'],
  ...['bytes_sent', 'bytes_received'],
];

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

function readMetrics(file: string): Metrics {
  const metrics = JSON.parse(readFileSync(file, 'utf8')) as Metrics;
  expect(Object.keys(metrics)).toEqual(expect.arrayContaining([...FIELDS, 'aggregated_stats', 'latency_digest']));
  expect(Object.keys(metrics.aggregated_stats).sort()).toEqual([...STATS].sort());
  return metrics;
}

/** Checks that the numbers of a run without failures agree with each other. */
function expectConsistent({ aggregated_stats: stats, latency_digest, started_at, test_duration_secs }: Metrics): void {
  const { latency_min_ms, latency_p50_ms, latency_p95_ms, latency_p99_ms, latency_max_ms, latency_avg_ms } = stats;
  // Of fewer than 100 requests nobody knows the p99.
  const told = [latency_min_ms, latency_p50_ms, latency_p95_ms, latency_p99_ms, latency_max_ms];
  const rising = told.filter((ms) => ms !== null);
  expect(rising).toEqual([...rising].sort((a, b) => a! - b!));
  expect(latency_min_ms).toBeGreaterThan(0);
  expect(latency_avg_ms).toBeGreaterThanOrEqual(latency_min_ms!);
  expect(latency_avg_ms).toBeLessThanOrEqual(latency_max_ms!);
  expect(stats.successful_requests! + stats.failed_requests!).toBe(stats.total_requests);
  expect({ failed: stats.failed_requests, rate: stats.failure_rate }).toEqual({ failed: 0, rate: 0 });
  expect(stats.failure_reasons).toEqual({});
  expect(sum(stats.server_distribution)).toBe(stats.total_requests);
  const digestCount = latency_digest.reduce((count, [, weight]) => count + weight, 0);
  const digestSum = latency_digest.reduce((total, [mean, weight]) => total + mean * weight, 0);
  expect(digestCount).toBe(stats.successful_requests);
  expect(digestSum / digestCount).toBeCloseTo(latency_avg_ms!, 1);
  expect(Math.abs(Date.now() - started_at)).toBeLessThan(60_000);
  expect(test_duration_secs).toBeGreaterThan(0);
}

const serverFlags = (cluster: Cluster): string[] => cluster.addresses.flatMap((address) => ['--server', address]);

async function until(isSo: () => boolean, timeoutMs = 10_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a closed loop over all three sizes, a rate, an interruption, hide and reveal', async () => {
  await inCluster({ servers: 3 }, async (cluster, folder) => {
    const cwd = path.join(folder, 'client');
    mkdirSync(cwd);
    const metricsFile = path.join('metrics', 'machine_1_client_1.json');
    const run = (...args: string[]) => runProgram(['client', ...args], { cwd, timeoutMs: 60_000 });

    // A closed loop.
    const loop = ['--requests', '30', '--min-delay-ms', '1', '--max-delay-ms', '5', '--seed', '1'];
    const output = ['--machine-id', '1', '--client-id', '1', '--metrics-output', metricsFile];
    const images = ['--image-dir', IMAGES, ...serverFlags(cluster)];
    const json = await run(...loop, ...images, ...output, '--json');
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const metrics = readMetrics(path.join(cwd, metricsFile));
    const { aggregated_stats: stats } = metrics;
    expectConsistent(metrics);
    expect(metrics).toMatchObject({
      client_name: 'Machine_1_Client_1',
      machine_id: 1,
      client_id: 1,
      interrupted: false,
    });
    expect(stats.total_requests).toBe(30);
    expect(Object.keys(stats.server_distribution)).toEqual(['1', '2', '3']);
    // Seed 1 picks each of the three sizes: more bytes were sent than 30 of the two smaller ones make.
    expect(stats.bytes_sent).toBeGreaterThan(3 * readFileSync(LARGE).length);
    expect(stats.bytes_received).toBeGreaterThan(stats.bytes_sent!);
    expect(JSON.parse(json.stdout)).toMatchObject({
      aggregated_stats: stats,
      client_name: 'Machine_1_Client_1',
      seed: 1,
    });
    const log = readFileSync(path.join(cwd, 'metrics', 'machine_1_client_1.log'), 'utf8')
      .trimEnd()
      .split('\n');
    for (const line of log) expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (INFO|WARN|ERROR) /);
    expect(readdirSync(path.join(cwd, 'metrics')).sort()).toEqual([
      'machine_1_client_1.json',
      'machine_1_client_1.log',
    ]);

    // A fixed rate, small images only.
    const smallOnly = path.join(folder, 'small');
    mkdirSync(smallOnly);
    writeFileSync(path.join(smallOnly, 'small.png'), readFileSync(path.join(IMAGES, 'small.png')));
    const small = ['--image-dir', smallOnly, ...serverFlags(cluster)];
    const rate = await run('--rate', '50', '--duration', '2', ...small, '--metrics-output', 'rate.json');
    expect(rate).toMatchObject({ code: 0, stderr: '' });
    const atRate = readMetrics(path.join(cwd, 'rate.json'));
    expectConsistent(atRate);
    expect(atRate.aggregated_stats.total_requests).toBe(100);
    expect(atRate.test_duration_secs).toBeGreaterThan(1.9);
    expect(atRate.test_duration_secs).toBeLessThan(3);

    // Ctrl-C in the middle.
    const endless = ['--min-delay-ms', '0', '--max-delay-ms', '2', '--duration', '60', '--log-level', 'debug'];
    const interrupted = startProgram(['client', ...endless, ...images, '--metrics-output', 'cut.json'], { cwd });
    const isUnderWay = (): boolean => {
      try {
        return (readFileSync(path.join(cwd, 'cut.log'), 'utf8').match(/request \d+ done/g)?.length ?? 0) >= 5;
      } catch {
        return false;
      }
    };
    await until(isUnderWay);
    const signalMs = performance.now();
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toMatchObject({ code: 130, stderr: '' });
    expect(performance.now() - signalMs).toBeLessThan(1500);
    const cut = readMetrics(path.join(cwd, 'cut.json'));
    expectConsistent(cut);
    expect(cut.interrupted).toBe(true);
    expect(cut.aggregated_stats.total_requests).toBeGreaterThanOrEqual(5);
    expect(
      readdirSync(cwd)
        .filter((name) => name.startsWith('cut'))
        .sort(),
    ).toEqual(['cut.json', 'cut.log']);

    // Hide and reveal, every size; an independent decoder opens the carriers.
    for (const name of SIZES) {
      const image = path.join(IMAGES, name);
      const hide = await run('hide', image, '--out', 'carrier.png', ...serverFlags(cluster));
      expect(hide).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/verified/) });
      expect(await run('reveal', 'carrier.png', '--out', 'again')).toMatchObject({ code: 0, stderr: '' });
      const secret = readFileSync(image);
      expect(readFileSync(path.join(cwd, 'again')).equals(secret)).toBe(true);
      const opened = sharp(path.join(cwd, 'carrier.png'), { failOn: 'warning' });
      const { data, info } = await opened.raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ channels: 3 });
      expect(info.width * info.height * 3).toBeGreaterThanOrEqual(8 * (secret.length + 8));
      const bits = Array.from({ length: 32 }, (_, index) => data[index]! & 1);
      expect(parseInt(bits.join(''), 2)).toBe(secret.length);
    }
  });
}, 120_000);

test('no server at all: exits with 4 and names the servers it could not reach', async () => {
  await inFolder(async (cwd) => {
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    writeFileSync(
      path.join(cwd, 'client.toml'),
      `[client]\nserver_addresses = ["${address}"]\nrequest_timeout_secs = 0.5\n`,
    );
    const config = ['--config', 'client.toml', '--image-dir', IMAGES];
    const load = await runProgram(
      [
        'client',
        ...config,
        '--requests',
        '2',
        '--max-delay-ms',
        '1',
        '--min-delay-ms',
        '1',
        '--metrics-output',
        'm.json',
      ],
      { cwd, timeoutMs: 20_000 },
    );
    expect(load.code).toBe(4);
    expect(load.stdout + load.stderr).toMatch(new RegExp(`${address}`));
    expect(load.stdout + load.stderr).not.toMatch(/^\s+at /m);
    const { aggregated_stats: stats } = readMetrics(path.join(cwd, 'm.json'));
    expect(stats).toMatchObject({ total_requests: 2, failed_requests: 2, failure_rate: 100, latency_avg_ms: null });
    expect(stats.failure_reasons).toEqual({ 'Connection refused': 2 });
    const hide = await runProgram(['client', 'hide', path.join(IMAGES, 'small.png'), '--config', 'client.toml'], {
      cwd,
      timeoutMs: 20_000,
    });
    expect(hide).toMatchObject({ code: 4, stdout: '', stderr: `Error: Connection refused (${address})\n` });
    expect(readdirSync(cwd).sort()).toEqual(['client.toml', 'm.json', 'm.log']);
  });
}, 60_000);
