import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Report, RunMetadata } from '../../src/report/report';
import type { RunResult } from '../../src/run/recorder';
import { faultsOf, GONE_MS, inRun, jsonOf } from '../run/in-run';
import { processesIn, untilNobodyIn } from '../run/leftovers';
import { PROGRAM, runProgram, startProgram } from '../support/program';
import { goodCodeIn } from '../support/good-code';

const MINUTE_MS = 60_000;

test('the whole workflow: three kills, three restarts, no failures, no process left', async () => {
  await inRun(async ({ cwd, args, out }) => {
    const { code, stdout, stderr } = await runProgram(args, { cwd, timeoutMs: MINUTE_MS });
    expect({ code, stderr, left: processesIn(cwd) }).toEqual({ code: goodCodeIn(out), stderr: '', left: [] });
    const steps = [...stdout.matchAll(/^===== STEP (\d)\/5: .+ =====$/gm)].map(([, number]) => number);
    expect(steps).toEqual(['1', '2', '3', '4', '5']);
    const log = readFileSync(path.join(out, 'fault_events.log'), 'utf8');
    expect(log.match(/SUCCESS: Killed/g)).toHaveLength(3);
    expect(log.match(/SUCCESS: Restarted/g)).toHaveLength(3);
    expect(faultsOf(out)).toEqual([1, 2, 3].flatMap((id) => [`kill ${id}`, `restart ${id}`]));
    const report = jsonOf<Report>(out, 'final_report.json');
    expect(report).toMatchObject({ failed_requests: 0, faults: [{}, {}, {}], inputs: { missing: [] } });
    expect(report.total_requests).toBeGreaterThan(150);
    expect(report.rules?.map(({ rule }) => rule)).toEqual(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8']);
    expect(report.rules?.filter(({ verdict }) => verdict !== true)).toEqual([]);
    expect(report.audit).toMatchObject({ adds_up: true, lost: 0 });
    expect(stdout).toContain(readFileSync(path.join(out, 'final_report.txt'), 'utf8').trimEnd());
    const metadata = jsonOf<RunMetadata>(out, 'run.json');
    expect(metadata.ended_at! - metadata.started_at).toBeGreaterThan(9000);
    expect(metadata.run_id).toBe(report.runs[0]!.run_id);
    // The folder belongs to one run.
    const again = await runProgram(args, { cwd, timeoutMs: MINUTE_MS });
    const why = 'it already exists, and a run needs a new folder';
    expect(again).toMatchObject({ code: 2, stdout: '', stderr: `Error: cannot make the folder out: ${why}\n` });
  });
}, 90_000);

test('--json prints one object with the report; a crossed threshold is exit 3; ports are found', async () => {
  await inRun(async ({ cwd, calmArgs }) => {
    const args = calmArgs.filter((arg, index) => arg !== '--port' && calmArgs[index - 1] !== '--port');
    const more = ['--json', '--threshold', 'p99<0.001ms', '--threshold', 'failure_rate<1%'];
    const { code, stdout, stderr } = await runProgram([...args, ...more], { cwd, timeoutMs: MINUTE_MS });
    expect({ code, stderr, left: processesIn(cwd) }).toEqual({ code: 3, stderr: '', left: [] });
    const { report, ...rest } = JSON.parse(stdout) as RunResult;
    expect(rest).toEqual({ folder: 'out', interrupted: false, problems: [], aborted_by: null, files_complete: true });
    expect(report?.thresholds.map(({ passed }) => passed)).toEqual([false, true]);
    expect(report?.faults ?? []).toEqual([]);
  });
}, 90_000);

test('a port in use: one line, exit 2, nothing started', async () => {
  await inRun(async ({ cwd, calmArgs }) => {
    const first = Number(calmArgs[calmArgs.indexOf('--port') + 1]);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(first + 2, '127.0.0.1', resolve));
    try {
      const { code, stdout, stderr } = await runProgram(calmArgs, { cwd, timeoutMs: MINUTE_MS });
      const line = `Error: --port: 127.0.0.1:${first + 2} is in use; without --port, free ports are used\n`;
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: line });
      expect(existsSync(path.join(cwd, 'out'))).toBe(false);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
}, 90_000);

test('servers that cannot be started: one line, exit 4', async () => {
  await inRun(async ({ cwd, calmArgs }) => {
    const program = path.join(path.dirname(PROGRAM), `.run-test-${process.pid}`);
    linkSync(PROGRAM, program);
    // It is running already, and nobody can find it any more.
    const running = startProgram(calmArgs, { cwd, program });
    running.child.once('spawn', () => rmSync(program));
    const { code, stderr } = await running.ended;
    expect(code).toBe(4);
    expect(stderr).toMatch(/^Error: server 1 did not start: [^\n]+ cannot be run\n$/);
  });
}, 90_000);

test('a server that is killed before it is ready: one line, exit 4', async () => {
  await inRun(async ({ cwd, calmArgs, out }) => {
    const running = startProgram(calmArgs, { cwd });
    await running.says(/STEP 1\/5/);
    let victim: string | undefined;
    while ((victim = processesIn(path.join(out, 'server2'))[0]) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    process.kill(Number.parseInt(victim, 10), 'SIGKILL');
    const { code, stderr } = await running.ended;
    expect({ code, left: processesIn(cwd) }).toEqual({ code: 4, left: [] });
    expect(stderr).toMatch(/^Error: server 2 did not start: it was ended by SIGKILL(: [^\n]+)?\n$/);
  });
}, 90_000);

test('a server that does not come back: reported anyway, exit 4', async () => {
  await inRun(async ({ cwd, fastArgs, out }) => {
    const running = startProgram(fastArgs, { cwd });
    await running.says(/Server 1 is now DOWN/);
    writeFileSync(path.join(out, 'server2', 'server.toml'), 'nonsense = 1\n');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr, left: processesIn(cwd) }).toEqual({ code: 4, stderr: '', left: [] });
    expect(stdout).toContain('Incomplete: server 2 did not come back\nIncomplete: 2 faults could not be injected\n');
    // It ends the plan: a third one could be the last.
    expect(faultsOf(out)).toEqual(['kill 1', 'restart 1', 'kill 2']);
    expect(jsonOf<Report>(out, 'final_report.json').failed_requests).toBe(0);
  });
}, 90_000);

test.each([
  [0, 2, /^Error: cannot write out\/run\.json: [^\n]+\n$/, /^$/],
  [16, 4, /^$/, /^Incomplete: cannot write out\/metrics\/machine_1_requests\.ndjson: [^\n]+$/m],
])(
  'a full disk (%i blocks): reported, exit %i',
  async (blocks, exitCode, errors, says) => {
    await inRun(async ({ cwd, calmArgs }) => {
      // A file size limit stands for a full disk.
      const limited = ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', PROGRAM, ...calmArgs.slice(0, -1), '60'];
      const started = performance.now();
      const { code, stdout, stderr } = await runProgram(limited, { cwd, program: '/bin/sh', timeoutMs: MINUTE_MS });
      expect({ code, left: processesIn(cwd) }).toEqual({ code: exitCode, left: [] });
      expect(stderr).toMatch(errors);
      expect(stdout).toMatch(says);
      if (exitCode === 4) expect(stdout).toContain('\nFAILURE ANALYSIS\n');
      expect(performance.now() - started).toBeLessThan(30_000);
    });
  },
  90_000,
);

test.each([
  ['while the servers start', /STEP 1\/5/, false],
  ['before the first fault', / Starting client 4\/4/, false],
  ['while a server is down', /Waiting 1s before restarting Server 1/, true],
  ['while the servers settle', /^Files: +out\/metrics/m, true],
])(
  'Ctrl-C %s: exit 130',
  async (_when, moment, hasReport) => {
    await inRun(async ({ cwd, args, calmArgs, out }) => {
      const running = startProgram(moment.source.includes('Files') ? calmArgs : args, { cwd });
      await running.says(moment);
      running.child.kill('SIGINT');
      const { code, stderr } = await running.ended;
      expect({ code, stderr, left: processesIn(cwd) }).toEqual({ code: 130, stderr: '', left: [] });
      expect(jsonOf<RunMetadata>(out, 'run.json').ended_at).not.toBeNull();
      if (hasReport) expect(jsonOf<Report>(out, 'final_report.json').failed_requests).toBe(0);
      if (moment.source.includes('Waiting')) expect(faultsOf(out)).toEqual(['kill 1', 'restart 1']);
    });
  },
  90_000,
);

test.each([/STEP 1\/5/, /Waiting 1s before restarting Server 1/])(
  'Ctrl-C twice at %s ends at once',
  async (moment) => {
    await inRun(async ({ cwd, args }) => {
      const running = startProgram(args, { cwd });
      await running.says(moment);
      const started = performance.now();
      running.child.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 20));
      running.child.kill('SIGINT');
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
      expect(performance.now() - started).toBeLessThan(1500);
      await untilNobodyIn(cwd, GONE_MS);
    });
  },
  90_000,
);
