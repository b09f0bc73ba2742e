import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import type { RequestRecord } from '../../src/core/metrics/record';
import type { Report } from '../../src/report/report';
import type { StressReport } from '../../src/stress/options';
import { inCluster } from '../support/in-cluster';
import { runProgram, startProgram } from '../support/program';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));
/** Longer than the request timeout of 2 s. */
const STOPPED_MS = 3500;

const failuresOf = (records: RequestRecord[]): unknown[] => records.filter(({ outcome }) => outcome === 'failure');

test.each([
  ['closed loop', ['--min-delay-ms', '0', '--max-delay-ms', '5'], null],
  ['closed loop beside a stopped server', ['--min-delay-ms', '0', '--max-delay-ms', '5'], 1],
  ['open loop', ['--rate', '40'], null],
])(
  'stress that is stopped (%s) blames no server, and says that it stood still',
  async (_, load, stoppedId) => {
    await inCluster({ servers: stoppedId === null ? 2 : 1 }, async (cluster, folder) => {
      const cwd = path.join(folder, 'clients');
      mkdirSync(path.join(cwd, 'images'), { recursive: true });
      writeFileSync(path.join(cwd, 'images', 'small.png'), SMALL);
      const config = `[client]\nserver_addresses = ${JSON.stringify(cluster.addresses)}\nrequest_timeout_secs = 2\n`;
      writeFileSync(path.join(cwd, 'client.toml'), config);
      const flags = ['--client-config', 'client.toml', '--image-dir', 'images', '--clients', '4', '--duration', '7'];
      const stress = startProgram(['stress', '--json', ...flags, ...load], { cwd });
      await later(2500);
      const server = stoppedId === null ? null : cluster.processes.get(stoppedId)!;
      server?.kill('SIGSTOP');
      await later(server === null ? 0 : 300);
      stress.child.kill('SIGSTOP');
      await later(STOPPED_MS);
      server?.kill('SIGCONT');
      stress.child.kill('SIGCONT');
      const ended = await stress.ended;
      const records = readFileSync(path.join(cwd, 'metrics', 'machine_1_requests.ndjson'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as RequestRecord);
      expect(failuresOf(records)).toEqual([]);
      expect(records.filter(({ success }) => success).length).toBeGreaterThan(20);
      const { generator } = JSON.parse(ended.stdout) as StressReport;
      expect(generator).toMatchObject({ pauses: 1, saturated: true });
      expect(generator.longest_pause_ms).toBeGreaterThan(STOPPED_MS - 200);
      const report = await runProgram(['report', '--json', '--out', 'report.json'], { cwd, timeoutMs: 30_000 });
      const { self_check: said, verdict } = JSON.parse(report.stdout) as Report;
      expect(said.join('\n')).toMatch(/The load generator of machine 1 stood still for 3\.\d s at 20.*Z/);
      expect(verdict.kind).toBe('invalid');
    });
  },
  60_000,
);
