import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { clientFile, fault, lines, request, T0, useLab } from '../report/lab';
import { runProgram, startProgram } from '../support/program';
import { describeWithSshd, freePort, type Sshd, SshLab, USER } from '../support/sshd';

const files = useLab();
const at = (name: string): string => path.join(files.folder, name);

describeWithSshd('the built program collects over SSH', () => {
  let lab: SshLab;
  let sshd: Sshd;
  beforeAll(async () => {
    lab = new SshLab();
    sshd = await lab.start();
    lab.config(`Host client1\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${USER}\n`);
  });
  afterAll(() => lab.stop());
  const options = () => ({
    cwd: files.folder,
    env: { ...process.env, HOME: lab.home, SSH_AUTH_SOCK: '' },
    timeoutMs: 60_000,
  });
  const report = (...args: string[]) => runProgram(['report', ...args], options());

  test('3,000 files of an alias, an unreachable machine, its exit code', async () => {
    for (let n = 1; n <= 3000; n++) files.write(`m/machine_1_client_${n}.json`, clientFile(`Machine_1_Client_${n}`));
    const port = await freePort();
    const places = [`client1:${at('m')}`, `${USER}@127.0.0.1:${port}:/m`];
    const startedMs = performance.now();
    const { code, stdout, stderr } = await report('--metrics', places[0]!, '--metrics', places[1]!);
    expect({ code, stderr }).toEqual({ code: 4, stderr: '' });
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    expect(stdout).toContain(
      `[1/2] Collecting from: ${places[0]}\n  ✓ Successfully collected metrics from machine 1\n`,
    );
    expect(stdout).toContain(
      `  ✗ Failed to collect metrics from machine 2: 127.0.0.1 port ${port}: connection refused\n`,
    );
    expect(stdout).toContain(
      'Loading metrics from: ./aggregated_metrics/collected\nLoaded 3000 client metrics files\n',
    );
    expect(readFileSync(at('aggregated_metrics/final_report.txt'), 'utf8')).toMatch(/^Total Requests: {7}30,000$/m);
  }, 60_000);

  test('an unknown host is one line with its fingerprint, and its key is not stored', async () => {
    const other = new SshLab();
    try {
      const env = { ...options().env, HOME: other.home };
      writeFileSync(other.ssh('known_hosts'), '');
      const { code, stderr } = await runProgram(['report', '--metrics', `${sshd.address}:/m`], { ...options(), env });
      expect(code).toBe(4);
      expect(stderr).toMatch(
        /^Error: there is nothing to report: .*: its host key ED25519 SHA256:.* is not known: .*\n$/,
      );
      expect(stderr).toContain(sshd.fingerprints[0]);
      expect(readFileSync(other.ssh('known_hosts'), 'utf8')).toBe('');
    } finally {
      other.stop();
    }
  });

  test.each([
    ['Ctrl-C', 'SIGINT'],
    ['a closed terminal', 'SIGHUP'],
  ] as const)(
    '%s ends it at once with 130; the same command resumes',
    async (_, signal) => {
      const content = Buffer.alloc(150_000_000, lines([request(1, 0)]));
      files.write('m/machine_1_requests.ndjson', content);
      const folder = at('aggregated_metrics/collected/1_client1');
      const part = (): string | undefined =>
        existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.part')) : undefined;
      const args = ['report', '--metrics', `client1:${at('m')}`, '--json'];
      const running = startProgram(args, options());
      while (part() === undefined || statSync(path.join(folder, part()!)).size < 1_000_000) {
        if (running.child.exitCode !== null) throw new Error('it ended before anybody could stop it');
        await new Promise((resolve) => setImmediate(resolve));
      }
      const stoppedMs = performance.now();
      running.child.kill(signal);
      const { code, stdout } = await running.ended;
      expect(performance.now() - stoppedMs).toBeLessThan(3000);
      expect({ code, error: (JSON.parse(stdout) as { error: unknown }).error }).toEqual({
        code: 130,
        error: {
          code: 'interrupted',
          message: 'interrupted: fetched files stay in ./aggregated_metrics/collected; the same command resumes there',
        },
      });
      const begun = statSync(path.join(folder, part()!)).size;
      expect(begun).toBeGreaterThan(1_000_000);
      files.write('m/machine_2_requests.ndjson', lines([request(1, 0)]));
      const again = await report('--metrics', `client1:${at('m')}`, '--json');
      // Whole, but without the servers' files not verified.
      expect({ code: again.code, missing: missingOf(again.stdout) }).toEqual({ code: 4, missing: [] });
      expect(readdirSync(folder)).toEqual(['machine_1_requests.ndjson', 'machine_2_requests.ndjson']);
      expect(readFileSync(path.join(folder, 'machine_1_requests.ndjson')).equals(content)).toBe(true);
    },
    60_000,
  );

  test('clocks 3 s apart: the records of one machine against the faults of another', async () => {
    const ahead = await lab.start({ env: { PATH: lab.wrongClock(3) } });
    const behind = await lab.start({ env: { PATH: lab.wrongClock(-3) } });
    // While the server is down, from 1 s to 2 s into the run, every request fails.
    const requests = Array.from({ length: 400 }, (_, n) => {
      const outcome = n >= 100 && n < 200 ? ('failure' as const) : ('success' as const);
      return request(n + 1, n * 10, { start_time: T0 + 3000 + n * 10, outcome, latency_ms: 5 });
    });
    files.requests(requests, 'm/machine_1_requests.ndjson');
    mkdirSync(at('ctl'));
    files.write(
      'ctl/fault_events.ndjson',
      lines([
        fault(1000 - 3000, 1, 'kill', { outcome: 'started' }),
        fault(1000 - 3000, 1, 'kill'),
        fault(2000 - 3000, 1, 'restart'),
      ]),
    );
    const places = [
      '--metrics',
      `${ahead.address}:${at('m')}`,
      '--faults',
      `${behind.address}:${at('ctl/fault_events.ndjson')}`,
    ];
    const { code, stdout } = await report(...places, '--json');
    // Without the servers' files it is not verified.
    expect({ code, missing: missingOf(stdout) }).toEqual({ code: 4, missing: [] });
    const { clocks, faults } = JSON.parse(stdout) as {
      clocks: { machine: string; offset_ms: number; uncertainty_ms: number }[];
      faults: { start: number; recovered_ms: number; failed: number }[];
    };
    const [first, second] = clocks;
    expect(clocks.map(({ machine }) => machine)).toEqual([ahead.address, behind.address]);
    expect(Math.abs(first!.offset_ms - 3000)).toBeLessThan(first!.uncertainty_ms + 5);
    expect(Math.abs(second!.offset_ms + 3000)).toBeLessThan(second!.uncertainty_ms + 5);
    const tolerance = first!.uncertainty_ms + second!.uncertainty_ms + 20;
    expect(Math.abs(faults[0]!.start - (T0 + 1000))).toBeLessThan(tolerance);
    expect(Math.abs(faults[0]!.recovered_ms - 1000)).toBeLessThan(tolerance + 250);
    expect(faults[0]!.failed).toBe(100);
  });
});

/** Returns what a report in JSON could not read. */
function missingOf(json: string): string[] {
  return (JSON.parse(json) as Report).inputs.missing;
}
