import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ClientMetrics } from '../../src/client/metrics-file';
import type { RequestRecord, StressRunFile } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { type Ended, inFolder, PROGRAM, type Running, runProgram, startProgram } from '../support/program';
import { goodCodeIn } from '../support/good-code';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));

/** Makes a folder with one small image; returns it and the flags that every run here has. */
function prepare(cluster: Cluster, folder: string): { cwd: string; flags: string[] } {
  const cwd = path.join(folder, 'clients');
  mkdirSync(path.join(cwd, 'images'), { recursive: true });
  writeFileSync(path.join(cwd, 'images', 'small.png'), SMALL);
  const servers = cluster.addresses.flatMap((address) => ['--server', address]);
  return { cwd, flags: ['--image-dir', 'images', ...servers] };
}

/** The records of a file; whole lines only, each of them JSON. */
function records(cwd: string): RequestRecord[] {
  const text = readFileSync(path.join(cwd, 'metrics', 'machine_1_requests.ndjson'), 'utf8');
  expect(text).toMatch(/^$|\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RequestRecord);
}

/** The clients' files, each of which must be whole. */
function clientFiles(cwd: string): ClientMetrics[] {
  const folder = path.join(cwd, 'metrics');
  const names = readdirSync(folder).filter((name) => /_client_\d+\.json$/.test(name));
  return names.map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as ClientMetrics);
}

const CLOSED = ['--min-delay-ms', '0', '--max-delay-ms', '20'];
const OPEN = ['--rate', '100', '--arrivals', 'poisson'];

/** Starts clients without an end; resolves once some of their records are on disk. */
async function underWay(cwd: string, flags: string[], load = CLOSED): Promise<Running> {
  const running = startProgram(['stress', '--clients', '20', '--duration', '300', ...load, ...flags], { cwd });
  await running.says(/INFO \d+(\/\d+)? done, /);
  return running;
}

test('20 clients of 10 requests, then Ctrl-C, then SIGKILL in the middle', async () => {
  await inCluster({ servers: 3 }, async (cluster, folder) => {
    const { cwd, flags } = prepare(cluster, folder);
    const finite = ['--clients', '20', '--requests', '10', '--min-delay-ms', '0', '--max-delay-ms', '50'];
    const whole = await runProgram(['stress', ...finite, ...flags], { cwd, timeoutMs: 60_000 });
    expect(whole).toMatchObject({ code: goodCodeIn(cwd), stderr: '' });
    expect(whole.stdout).toMatch(/^={34}\nCloudP2P Stress Test Configuration\n={34}\nMachine ID: {9}1\n/);
    expect(whole.stdout).toContain('\nStarting 20 clients...\n\n[');
    expect(whole.stdout.match(/^\[.{19}\] Starting client \d+\/20: Machine_1_Client_\d+$/gm)?.length).toBe(20);
    expect(whole.stdout).not.toMatch(/\u001b/);
    expect(records(cwd).filter(({ success }) => success).length).toBe(200);
    const files = clientFiles(cwd);
    expect(files.length).toBe(20);
    for (const { aggregated_stats: stats, interrupted } of files) {
      expect({ interrupted, total: stats.successful_requests }).toEqual({ interrupted: false, total: 10 });
    }

    const cut = await underWay(cwd, flags);
    const signalMs = performance.now();
    cut.child.kill('SIGINT');
    expect(await cut.ended).toMatchObject({ code: 130, stderr: '' });
    expect(performance.now() - signalMs).toBeLessThan(5000);
    expect(cut.stdout).toMatch(/^Moved 43 files of an earlier run to metrics\/previous-\d{8}-\d{6}\n/);
    expect(clientFiles(cwd).map(({ interrupted }) => interrupted)).toEqual(Array(20).fill(true));
    const counted = clientFiles(cwd).reduce((sum, { aggregated_stats: stats }) => sum + stats.total_requests, 0);
    const isCounted = ({ outcome }: RequestRecord): boolean => outcome === 'success' || outcome === 'failure';
    expect(records(cwd).filter(isCounted).length).toBe(counted);

    for (const load of [CLOSED, OPEN]) {
      const killed = await underWay(cwd, flags, load);
      killed.child.kill('SIGKILL');
      const killedAt = systemClock.unixMs();
      await killed.ended;
      const written = records(cwd);
      expect(written.length).toBeGreaterThan(0);
      // The flush is once a second; the rest is what two busy cores may take for it.
      const lastAt = Math.max(...written.map(({ start_time, latency_ms }) => start_time + latency_ms));
      expect(killedAt - lastAt).toBeLessThan(2500);
      expect(clientFiles(cwd)).toEqual([]);
      const run = JSON.parse(readFileSync(path.join(cwd, 'metrics', 'machine_1_run.json'), 'utf8')) as StressRunFile;
      expect(run).toMatchObject({ run_id: written[0]!.run_id, ended_at: null, config: { num_clients: 20 } });
    }
  });
}, 120_000);

test('a rate with Ctrl-C midway, then a complete one with a crossed threshold: 3', async () => {
  await inCluster({ servers: 3 }, async (cluster, folder) => {
    const { cwd, flags } = prepare(cluster, folder);
    const cut = await underWay(cwd, flags, OPEN);
    cut.child.kill('SIGINT');
    expect(await cut.ended).toMatchObject({ code: 130, stderr: '' });
    expect(cut.stdout).toMatch(/\nOffered Load: {7}100 requests\/s, at random \(Poisson\), whatever the servers do\n/);
    const ended = (record: RequestRecord): boolean => record.outcome === 'success' || record.outcome === 'failure';
    const total = records(cwd).filter(ended).length;
    expect(cut.stdout).toMatch(new RegExp(`\\nRequests:  ${total} in `));

    const finite = ['--rate', '50', '--duration', '4', '--ramp-up', '2', '--clients', '20'];
    const judged = ['--threshold', 'failure_rate<1%', '--threshold', 'throughput>1000'];
    const { code, stdout } = await runProgram(['stress', ...finite, ...judged, ...flags], { cwd, timeoutMs: 60_000 });
    expect({ code, problem: stdout.includes('Problem:') }).toEqual({ code: 3, problem: false });
    expect(stdout).toMatch(/\nThreshold failure_rate<1%: passed \(0\.00%\)\nThreshold throughput>1000: crossed \(/);
    expect(records(cwd).length).toBe(150);
  });
}, 120_000);

test('too few open files: reported before the start, 2', async () => {
  await inFolder(async (cwd) => {
    const limited = ['-c', 'ulimit -n 256; exec "$@"', 'sh', PROGRAM, 'stress', '--clients', '200', '--wait', '0.3'];
    const ended = await runProgram(limited, { cwd, program: '/bin/sh', timeoutMs: 20_000 });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(
      /^Error: --clients: 200 clients of 3 servers need up to 700 open files and .* 256: [^\n]+\n$/,
    );
    expect(readdirSync(cwd)).toEqual([]);
  });
}, 30_000);

test.each([
  ['think times', ['--min-delay-ms', '0', '--max-delay-ms', '5']],
  ['a rate', ['--rate', '300']],
])(
  'a full disk, with %s: reported, exits with 4 by itself, and files are whole',
  async (_what, pacing) => {
    await inCluster({ servers: 1 }, async (cluster, folder) => {
      const { cwd, flags } = prepare(cluster, folder);
      const load = ['--clients', '5', ...pacing, '--duration', '300', ...flags];
      // A file size limit stands for a full disk.
      const limited = ['-c', 'ulimit -f 16; exec "$@"', 'sh', PROGRAM, 'stress', ...load];
      const ended: Ended = await runProgram(limited, { cwd, program: '/bin/sh', timeoutMs: 60_000 });
      expect(ended).toMatchObject({
        code: 4,
        stderr: expect.stringMatching(/^Error: files are not complete: cannot write [^\n]+\n$/) as string,
      });
      expect(ended.stdout.match(/ ERROR /g)?.length).toBe(1);
      expect(ended.stdout).toContain('; no more requests are started\n');
      expect(records(cwd).length).toBeGreaterThan(0);
      expect(clientFiles(cwd).map(({ interrupted }) => interrupted)).toEqual(Array(5).fill(true));
    });
  },
  90_000,
);

test('no server: 4; an impossible metrics folder: 2; one line each', async () => {
  await inFolder(async (cwd) => {
    const gone = await runProgram(['stress', '--server', '127.0.0.1:1', '--wait', '0.3'], { cwd, timeoutMs: 20_000 });
    expect(gone).toMatchObject({
      code: 4,
      stdout: '',
      stderr: 'Error: no server answered within 0.3 s: 127.0.0.1:1\n',
    });
    expect(readdirSync(cwd)).toEqual([]);
  });
  await inCluster({ servers: 1 }, async (cluster, folder) => {
    const { cwd, flags } = prepare(cluster, folder);
    writeFileSync(path.join(cwd, 'file'), '');
    for (const hostile of ['file', 'file/x', '/proc/none/such', `${'x'.repeat(300)}`]) {
      const args = ['stress', '--metrics-dir', hostile, ...flags];
      const { code, stderr, stdout } = await runProgram(args, { cwd, timeoutMs: 20_000 });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^Error: cannot write to [^\n]+\n$/);
    }
  });
}, 90_000);
