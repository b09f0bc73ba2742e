import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StressRunFile } from '../../src/core/metrics/record';
import type { StressReport } from '../../src/stress/options';
import { closeAll, startServers } from '../client/clients';
import { carrierOf } from '../client/scripted-server';
import { randomBytes } from '../imaging/pictures';
import { deadAddress } from '../status/listening';
import { cli, linesOf } from './capture';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-stress-'));
  mkdirSync(at('images'));
  writeFileSync(at('images', 'a.png'), randomBytes(300));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

/** Runs two clients of three requests, unless the flags say otherwise. */
const stress = (...flags: string[]) =>
  cli(
    ...['stress', '--clients', '2', '--requests', '3', '--min-delay-ms', '0', '--max-delay-ms', '5'],
    ...['--image-dir', at('images'), '--metrics-dir', at('metrics'), ...flags],
  );

it('runs, prints a summary, and ends with 0', async () => {
  const [server] = await startServers({});
  const { code, stdout, stderr } = await stress('--machine-id', '3', '--server', server!.address);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = linesOf(stdout);
  expect(lines.slice(0, 2)).toEqual(['='.repeat(34), 'CloudP2P Stress Test Configuration']);
  expect(lines).toContain('Machine ID:         3');
  expect(lines).toContain(`Image Directory:    ${at('images')}`);
  expect(lines.at(-1)).toBe(`Files:     ${at('metrics')}: machine_3_requests.ndjson, machine_3_client_*.json and .log`);
  expect(readdirSync(at('metrics')).length).toBe(7);
});

it('as JSON: nothing else on stdout', async () => {
  const [server] = await startServers({});
  const { code, stdout, stderr } = await stress('--json', '--seed', '4', '--server', server!.address);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ seed: 4, problem: null, aggregated_stats: { successful_requests: 6 } });
});

it.each([
  ['127.0.0.1', false],
  ['0.0.0.0', true],
])('metrics on %s are open to others: %s', async (host, is) => {
  const [server] = await startServers({});
  const metricsAddress = `${host}:${(await deadAddress()).split(':').at(-1)}`;
  const { code, stdout } = await stress('--server', server!.address, '--metrics-address', metricsAddress);
  expect(code).toBe(0);
  const warning = `serves its metrics on ${metricsAddress} over plain HTTP: anyone who can connect can read them`;
  const warnings = linesOf(stdout).filter((line) => / WARN /.test(line));
  expect(warnings).toEqual(is ? [expect.stringMatching(new RegExp(`WARN ${warning}$`))] : []);
});

it('servers and timeout come from the client file, the rest from the stress file', async () => {
  const [server] = await startServers({});
  writeFileSync(
    at('client.toml'),
    `[client]\nserver_addresses = ["${server!.address}"]\n[requests]\ntotal_requests = 99`,
  );
  const toml = { machine_id: 4, num_clients: 1, requests_per_client: 2, max_delay_ms: 1 };
  const paths = { image_directory: at('images'), client_config: at('client.toml'), metrics_output_dir: at('m') };
  const rows = Object.entries({ ...toml, ...paths }).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  writeFileSync(at('stress.toml'), ['[stress]', ...rows].join('\n'));
  const { code, stdout } = await cli('stress', '--config', at('stress.toml'));
  expect(code).toBe(0);
  expect(linesOf(stdout)[0]).toContain(`[requests] of ${at('client.toml')} is ignored`);
  expect(readdirSync(at('m')).sort()).toEqual([
    ...['machine_4_client_1.json', 'machine_4_client_1.log', 'machine_4_generator.ndjson', 'machine_4_requests.ndjson'],
    'machine_4_run.json',
  ]);
  expect(server!.all('TaskRequest').length).toBe(2);
});

it('a wrong carrier: 3', async () => {
  const [server] = await startServers({ onTask: (task, self) => self.answer(task, carrierOf(randomBytes(3))) });
  expect((await stress('--server', server!.address)).code).toBe(3);
});

it('at a rate; a crossed threshold: 3, also in the JSON', async () => {
  const [server] = await startServers({});
  const flags = ['--clients', '2', '--image-dir', at('images'), '--metrics-dir', at('metrics')];
  const load = [
    '--rate',
    '50',
    '--duration',
    '0.2',
    '--arrivals',
    'poisson',
    '--warmup',
    '0.01',
    '--server',
    server!.address,
  ];
  const judged = ['--threshold', 'p95<10s', '--threshold', 'max<0ms', '--threshold', 'p99<10s'];
  const { code, stdout } = await cli('stress', ...flags, ...load, ...judged, '--json');
  expect(code).toBe(3);
  const report = JSON.parse(stdout) as StressReport;
  expect(report.thresholds.map(({ passed }) => passed)).toEqual([true, false, false]);
  // 10 requests are too few for a p99.
  expect(report.thresholds[2]).toMatchObject({ value: null });
  expect(report).toMatchObject({ warmup_secs: 0.01, unsent_requests: 0, aborted_by: null });
  const run = JSON.parse(readFileSync(at('metrics', 'machine_1_run.json'), 'utf8')) as StressRunFile;
  expect(run.config).toMatchObject({
    rate_per_second: 50,
    arrivals: 'poisson',
    duration_secs: 0.2,
    thresholds: ['p95<10s', 'max<0ms', 'p99<10s'],
    seed: report.seed,
    server_addresses: [server!.address],
  });
  expect(run.command_line.slice(0, 4)).toEqual(['cloudp2p', 'stress', '--clients', '2']);
  expect((await stress('--server', server!.address, '--threshold', 'p95<10s')).stdout).toMatch(
    /\nThreshold p95<10s: passed \([\d.]+ ms\)\n$/,
  );
});

it('a condition of --abort-on that fails: 3', async () => {
  const [server] = await startServers({ onTask: (task, self) => self.refuse(task, 'x', 'broken') });
  const load = ['--clients', '2', '--min-delay-ms', '0', '--max-delay-ms', '1', '--duration', '60'];
  const flags = ['--image-dir', at('images'), '--metrics-dir', at('metrics'), '--server', server!.address];
  const { code, stdout } = await cli('stress', ...load, ...flags, '--abort-on', 'failure_rate<5%');
  expect(code).toBe(3);
  const line = ' ERROR aborted: failure_rate<5% crossed (100.00%); no more requests are started\n';
  expect(stdout).toContain(line);
});

it('expressions of the file are read, and their errors name it', async () => {
  writeFileSync(at('stress.toml'), '[stress]\nabort_on = ["p99<1s", "recovery<1s"]');
  const { code, stderr } = await cli('stress', '--config', at('stress.toml'));
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining(`Error: ${at('stress.toml')}: stress.abort_on: expected a metric,`) as string,
  });
});

it.each(['recovery<1s', 'felt<1s'])('%s is no threshold of stress, which makes no faults', async (expression) => {
  const { code, stderr } = await cli('stress', '--threshold', expression);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining(`--threshold: expected a metric,`) as string,
  });
});

it('no server: 4, and one line that names it', async () => {
  const address = await deadAddress();
  expect(await stress('--server', address, '--wait', '0.2')).toEqual({
    code: 4,
    stdout: '',
    stderr: `Error: no server answered within 0.2 s: ${address}\n`,
  });
});

it.each([
  [['--clients', '0'], '--clients: expected a whole number from 1 to 100000, got "0"'],
  [['--wait', 'long'], '--wait: expected a number of seconds from 0.1 to 86400, got "long"'],
  [['--duration', '0'], '--duration: expected a number of seconds from 0.001 to 86400, got "0"'],
  [['--min-delay-ms', '9', '--max-delay-ms', '5'], '--min-delay-ms: expected at most --max-delay-ms (5), got 9'],
  [['--rate', '0'], '--rate: expected a number from 0.001 to 1000000, got "0"'],
  [['--rate', '5', '--max-delay-ms', '5'], '--rate: cannot be combined with --max-delay-ms'],
  [['--arrivals', 'even'], 'Expected --arrivals=even to be one of: uniform, poisson\nSee "cloudp2p stress --help".'],
  [['--duration', '5', '--ramp-up', '5'], '--ramp-up: expected less than --duration (5), got 5'],
  [['--graceful-stop', '-1'], '--graceful-stop: expected a number of seconds from 0 to 86400, got "-1"'],
  [
    ['--threshold', 'p99'],
    '--threshold: expected a metric, one of < <= > >=, and a number, like p99<800ms, got "p99"; metrics are failure_rate, min, avg, p50, p95, p99, p99.9, max, imbalance, throughput',
  ],
  [['--metrics-dir', ''], '--metrics-dir: expected a path, got ""'],
  [['--image-dir', 'none/such'], 'the image folder none/such: does not exist'],
  [['--client-config', 'none/such.toml'], 'none/such.toml: no such file'],
  [['--config', 'none/such.toml'], 'none/such.toml: no such file'],
])('%j: 2', async (flags, message) => {
  expect(await cli('stress', ...flags)).toEqual({ code: 2, stdout: '', stderr: `Error: ${message}\n` });
});
