import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunMetadata } from '../../src/report/report';
import { inRun } from '../run/in-run';
import {
  expectService,
  faultsOf,
  inService,
  jsonOf,
  lastEvent,
  linesOf,
  loadOf,
  serverArgs,
} from '../support/in-service';
import { type Ended, inFolder, PROGRAM, runProgram, type RunOptions, startProgram } from '../support/program';
import { goodCodeIn } from '../support/good-code';

const BRIEF = ['--restart-delay', '0.2'];
const FULL = '/dev/full';
const COMPLAINT = /^Error: cannot write to standard output: no space left on the device\n$/;

type Output = 'stdout' | 'stderr';

/** Closes the outputs before anything is written (`| true`). */
const unread =
  (...outputs: Output[]): RunOptions['onStart'] =>
  (child) =>
    outputs.forEach((name) => child[name]!.destroy());

const OUTPUTS: { outputs: Output[] }[] = [
  { outputs: ['stdout'] },
  { outputs: ['stderr'] },
  { outputs: ['stdout', 'stderr'] },
];

describe('nobody reads the output', () => {
  test.each(OUTPUTS)(
    '$outputs of a server: it keeps serving and leaves in order',
    async ({ outputs }) => {
      await inFolder(async (cwd) => {
        const { args, address } = await serverArgs();
        const server = startProgram(args, { cwd });
        unread(...outputs)!(server.child);
        await expectService(cwd, address);
        expect(jsonOf(cwd, 'server_1.pid')).toHaveProperty('pid', server.child.pid);
        server.child.kill('SIGTERM');
        expect(await server.ended).toMatchObject({ code: 0, signal: null });
        expect({ isPidLeft: existsSync(path.join(cwd, 'server_1.pid')), last: lastEvent(cwd) }).toEqual({
          isPidLeft: false,
          last: 'stopped',
        });
      });
    },
    60_000,
  );

  test.each(OUTPUTS)(
    '$outputs of loads, faults and report: they finish, with files and exit codes',
    async (each) => {
      await inService(async ({ cwd, stress, client, faults }) => {
        const run = (...args: string[]): Promise<Ended> =>
          runProgram(args, { cwd, timeoutMs: 60_000, onStart: unread(...each.outputs) });
        const five = ['--requests', '5'];
        expect(await run(...stress, ...five)).toMatchObject({ code: goodCodeIn(cwd), signal: null });
        expect(loadOf(cwd)).toEqual({ counted: 10, records: 10, interrupted: [false, false] });
        const judged = ['--threshold', 'p99<0.001ms'];
        expect(await run(...stress, ...five, ...judged)).toMatchObject({ code: 3 });
        expect(await run(...stress, ...five, ...judged, '--json')).toMatchObject({ code: 3 });

        expect(await run(...client, ...five)).toMatchObject({ code: 0, signal: null });
        expect(jsonOf(cwd, 'client.json')).toHaveProperty('aggregated_stats.total_requests', 5);

        expect(await run(...faults, ...BRIEF)).toMatchObject({ code: 0, signal: null });
        expect(faultsOf(cwd)).toEqual(['pause started', 'pause done', 'resume started', 'resume done']);
        expect(linesOf(cwd, 'fault_events.log').at(-1)).toMatch(/Faults: 1, healed: 1, failed: 0; servers UP: 1$/);

        expect(await run('report', '--events', 's1', '--out', 'report.json')).toMatchObject({
          code: goodCodeIn(cwd),
          signal: null,
        });
        expect(jsonOf(cwd, 'report.json')).toHaveProperty('total_requests', 10);
      });
    },
    120_000,
  );

  test('of a whole run: servers, load, faults and report still work', async () => {
    await inRun(async ({ cwd, fastArgs, out }) => {
      const ended = await runProgram(fastArgs, { cwd, timeoutMs: 60_000, onStart: unread('stdout') });
      expect(ended).toMatchObject({ code: goodCodeIn(out), signal: null, stderr: '' });
      expect(jsonOf<RunMetadata>(out, 'run.json').ended_at).not.toBeNull();
      expect(jsonOf(out, 'final_report.json')).toHaveProperty('failed_requests', 0);
      expect(faultsOf(out).filter((line) => line === 'kill done').length).toBe(3);
    });
  }, 90_000);
});

describe('a reader that takes one line and quits (head)', () => {
  const onlyAddress = ['--server', '127.0.0.1:1'];
  const cases: { args: string[]; code: number }[] = [
    { args: ['--help'], code: 0 },
    { args: ['--version'], code: 0 },
    { args: ['stress', '--help'], code: 0 },
    { args: ['completion', 'bash'], code: 0 },
    { args: ['init', 'here'], code: 0 },
    // A closed pipe does not turn a failure into a success.
    { args: ['status', ...onlyAddress], code: 4 },
    { args: ['status', '--json', ...onlyAddress], code: 4 },
    { args: ['status', '--nope', '--json'], code: 2 },
  ];

  test.each(cases)('$args ends quietly with its own exit code: $code', async ({ args, code }) => {
    await inFolder(async (cwd) => {
      const { stderr, ...ended } = await runProgram(args, { cwd, timeoutMs: 20_000, onStart: unread('stdout') });
      expect({ ...ended, stderr }).toMatchObject({ code, signal: null, stderr: '' });
    });
  });

  test('status --watch, which only prints, ends', async () => {
    await inService(async ({ cwd, cluster }) => {
      const watch = startProgram(['status', '--watch', '--server', cluster.address(1)], { cwd, timeoutMs: 20_000 });
      await watch.says(/^ID/);
      watch.child.stdout!.destroy();
      expect(await watch.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    });
  }, 60_000);
});

/** Runs the program with a file as its standard output. */
async function runInto(file: string, args: readonly string[], cwd: string): Promise<Omit<Ended, 'stdout'>> {
  const into = openSync(file, 'a');
  const child = spawn(PROGRAM, args, { cwd, stdio: ['ignore', into, 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' });
  closeSync(into);
  let stderr = '';
  child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stderr })));
}

(existsSync(FULL) ? describe : describe.skip)('standard output on a full disk', () => {
  test('of loads and faults: reported once; they finish, with files and exit codes', async () => {
    await inService(async ({ cwd, stress, faults }) => {
      const complaint = { signal: null, stderr: expect.stringMatching(COMPLAINT) };
      const load = await runInto(FULL, [...stress, '--requests', '5'], cwd);
      expect(load).toEqual({ code: goodCodeIn(cwd), ...complaint });
      expect(loadOf(cwd)).toEqual({ counted: 10, records: 10, interrupted: [false, false] });
      expect(await runInto(FULL, [...faults, ...BRIEF], cwd)).toEqual({ code: 0, ...complaint });
      expect(faultsOf(cwd).at(-1)).toBe('resume done');
    });
  }, 60_000);

  test.each([['--version'], ['--help'], ['completion', 'zsh'], ['init', '--json']])(
    'of commands that only print (%s): reported, and a failure',
    async (...args) => {
      await inFolder(async (cwd) => {
        const ended = await runInto(FULL, args, cwd);
        expect(ended).toEqual({ code: 4, signal: null, stderr: expect.stringMatching(COMPLAINT) });
      });
    },
  );

  test('of a whole run', async () => {
    await inRun(async ({ cwd, fastArgs, out }) => {
      const { code, stderr } = await runInto(FULL, fastArgs, cwd);
      expect({ code, stderr }).toEqual({ code: goodCodeIn(out), stderr: expect.stringMatching(COMPLAINT) });
      expect(jsonOf(out, 'final_report.json')).toHaveProperty('failed_requests', 0);
    });
  }, 90_000);
});

/** Lifts the file size limit of a running process. */
const liftLimit = (pid: number): void => void execFileSync('prlimit', ['--pid', String(pid), '--fsize=unlimited']);
const canLift = spawnSync('prlimit', ['--version']).status === 0;

(canLift ? test : test.skip)(
  'a server whose output does not fit says so once, keeps serving, and resumes writing later',
  async () => {
    await inFolder(async (cwd) => {
      const { args, address } = await serverArgs();
      // A file size limit stands for a full disk: part of the first line still fits.
      const log = path.join(cwd, 'server.log');
      const limitBlocks = 200;
      const before = `${'-'.repeat(limitBlocks * 512 - 30)}\n`;
      writeFileSync(log, before);
      const into = openSync(log, 'a');
      const limited = ['-c', `ulimit -S -f ${limitBlocks}; exec "$@"`, 'sh', PROGRAM, ...args];
      const server = spawn('/bin/sh', limited, { cwd, stdio: ['ignore', into, 'pipe'] });
      closeSync(into);
      let stderr = '';
      server.stderr!.on('data', (data: Buffer) => (stderr += data.toString()));
      const ended = new Promise((resolve) => server.on('close', (code, signal) => resolve({ code, signal })));
      try {
        await expectService(cwd, address);
        const complaint = 'Error: cannot write to standard output: the file exceeds the size limit\n';
        expect(stderr).toBe(complaint);
        expect(statSync(log).size).toBe(limitBlocks * 512);
        liftLimit(server.pid!);
        await expectService(cwd, address);
        server.kill('SIGTERM');
        expect(await ended).toEqual({ code: 0, signal: null });
        const [torn, ...lines] = readFileSync(log, 'utf8').slice(before.length, -1).split('\n');
        expect(torn).toMatch(/^\[.{19}\] INFO .{1,6}$/);
        expect(lines.length).toBeGreaterThan(1);
        for (const line of lines) expect(line).toMatch(/^\[.{19}\] (DEBUG|INFO|WARN) /);
        expect(lines.join('\n')).toMatch(/SIGTERM: leaving/);
        expect(stderr).toBe(complaint);
        expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
      } finally {
        server.kill('SIGKILL');
      }
    });
  },
  60_000,
);
