import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunMetadata } from '../../src/report/report';
import { until } from '../faults/until';
import { inRun } from '../run/in-run';
import { processesIn } from '../run/leftovers';
import {
  expectService,
  faultsOf,
  inService,
  jsonOf,
  lastEvent,
  linesOf,
  loadOf,
  type Service,
  serverArgs,
} from '../support/in-service';
import { inFolder, PROGRAM, runProgram, type Running, startProgram } from '../support/program';
import { silently } from '../support/silently';

const ENDLESS = ['--duration', '300'];
const INTERRUPTED = { code: 130, signal: null, stderr: '' };

/** Expects that the server left as after SIGTERM. */
function expectLeft(cwd: string): void {
  const isPidLeft = existsSync(path.join(cwd, 'server_1.pid'));
  expect({ isPidLeft, last: lastEvent(cwd) }).toEqual({ isPidLeft: false, last: 'stopped' });
}

/** Expects that the clients of an interrupted load have written their files. */
function expectCutLoad(cwd: string): void {
  const { counted, records, interrupted } = loadOf(cwd);
  expect({ interrupted, counted }).toEqual({ interrupted: [true, true], counted: records });
  expect(jsonOf<RunMetadata>(cwd, 'metrics', 'machine_1_run.json').ended_at).not.toBeNull();
}

/** True once the only client has made some requests. */
const isClientBusy = (cwd: string): boolean =>
  existsSync(path.join(cwd, 'client.log')) &&
  /request \d+ done/.test(readFileSync(path.join(cwd, 'client.log'), 'utf8'));

describe.each([
  { name: 'once', times: 1 },
  // The shell whose terminal is closed sends one, and the kernel another when that shell ends.
  { name: 'twice', times: 2 },
])('SIGHUP, $name, is a stop like any other', ({ times }) => {
  const hangUp = ({ child }: Running): void => {
    for (let count = 0; count < times; count++) child.kill('SIGHUP');
  };

  test('for a server', async () => {
    await inFolder(async (cwd) => {
      const { args, address } = await serverArgs();
      const server = startProgram(args, { cwd });
      await expectService(cwd, address);
      hangUp(server);
      expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
      expect(server.stdout).toMatch(/SIGHUP: leaving/);
      expectLeft(cwd);
    });
  }, 60_000);

  test('for stress', async () => {
    await inService(async ({ cwd, stress }) => {
      const running = startProgram([...stress, ...ENDLESS], { cwd });
      await running.says(/INFO \d+ done/);
      hangUp(running);
      expect(await running.ended).toMatchObject(INTERRUPTED);
      expectCutLoad(cwd);
    });
  }, 60_000);

  test('for a client', async () => {
    await inService(async ({ cwd, client }) => {
      const running = startProgram([...client, ...ENDLESS, '--log-level', 'debug'], { cwd });
      await until('it has made requests', () => isClientBusy(cwd), 20_000);
      hangUp(running);
      expect(await running.ended).toMatchObject(INTERRUPTED);
      expect(jsonOf(cwd, 'client.json')).toHaveProperty('interrupted', true);
    });
  }, 60_000);

  test('for faults, while a server is paused', async () => {
    await inService(async ({ cwd, faults }) => {
      const running = startProgram([...faults, '--restart-delay', '600'], { cwd });
      await running.says(/Waiting 600s/);
      hangUp(running);
      expect(await running.ended).toMatchObject(INTERRUPTED);
      expect(faultsOf(cwd).at(-1)).toBe('resume done');
    });
  }, 60_000);

  test('for a run, while a server is down', async () => {
    await inRun(async ({ cwd, args, out }) => {
      const running = startProgram(args, { cwd });
      await running.says(/Waiting 1s before restarting Server 1/);
      hangUp(running);
      expect(await running.ended).toMatchObject(INTERRUPTED);
      expect(faultsOf(out)).toEqual(['kill started', 'kill done', 'restart started', 'restart done']);
      expect(jsonOf(out, 'final_report.json')).toHaveProperty('failed_requests', 0);
    });
  }, 90_000);

  test('for status --watch', async () => {
    await inService(async ({ cwd, cluster }) => {
      const running = startProgram(['status', '--watch', '--server', cluster.address(1)], { cwd });
      await running.says(/^ID/);
      hangUp(running);
      expect(await running.ended).toMatchObject(INTERRUPTED);
    });
  }, 60_000);

  test('for status --wait', async () => {
    await silently(async (address, asked) => {
      await inFolder(async (cwd) => {
        const running = startProgram(['status', '--wait', '600', '--server', address], { cwd });
        await asked;
        hangUp(running);
        expect(await running.ended).toMatchObject(INTERRUPTED);
      });
    });
  }, 60_000);
});

const hasTerminals = spawnSync('script', ['--version']).status === 0;
if (!hasTerminals) console.log('skipped, there is no "script" program here: closed terminals');

/**
 * Runs the program on its own terminal. When that is closed, the shell there gets SIGHUP and dies, and the program gets
 * it too; a second shell between them survives both and writes the exit code to the file `exit`.
 */
function onTerminal(args: readonly string[], cwd: string, before = ''): ChildProcess {
  writeFileSync(path.join(cwd, 'witness'), `trap '' HUP\n${before} "$@"\necho $? > exit.new\nmv exit.new exit\n`);
  const command = ['sh', 'witness', PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
  return spawn('script', ['-q', '-f', '-c', `${command}; :`, 'shown'], { cwd, stdio: ['pipe', 'ignore', 'ignore'] });
}

/** The exit code of the program on a terminal; kills it if it does not end. */
async function exitCodeIn(cwd: string): Promise<number> {
  try {
    await until('it has ended', () => existsSync(path.join(cwd, 'exit')), 20_000);
  } catch (error) {
    for (const line of processesIn(cwd)) process.kill(parseInt(line, 10), 'SIGKILL');
    throw error;
  }
  return Number(readFileSync(path.join(cwd, 'exit'), 'utf8'));
}

function shownIn(cwd: string): string {
  const file = path.join(cwd, 'shown');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Runs the program on a terminal that is closed once it has shown `moment`; returns its exit code. */
async function untilClosed(cwd: string, args: readonly string[], moment: RegExp, before?: string): Promise<number> {
  const terminal = onTerminal(args, cwd, before);
  try {
    await until(`the terminal shows ${moment}`, () => moment.test(shownIn(cwd)), 20_000);
  } finally {
    terminal.kill('SIGKILL');
  }
  return exitCodeIn(cwd);
}

(hasTerminals ? describe : describe.skip)('the terminal is closed', () => {
  test('under a server: it leaves in order', async () => {
    await inFolder(async (cwd) => {
      const { args } = await serverArgs();
      expect(await untilClosed(cwd, args, /accepting tasks/)).toBe(0);
      expectLeft(cwd);
    });
  }, 60_000);

  type Case = [string, (service: Service) => string[], RegExp, (cwd: string) => void];
  const cases: Case[] = [
    ['stress, with its bar', ({ stress }) => [...stress, ...ENDLESS], /\[[=-]+\].* done/, expectCutLoad],
    [
      'a client, with its line',
      ({ client }) => [...client, ...ENDLESS],
      / done, /,
      (cwd) => expect(jsonOf(cwd, 'client.json')).toHaveProperty('interrupted', true),
    ],
    [
      'faults, with the ring',
      ({ faults }) => [...faults, '--restart-delay', '600'],
      /Waiting 600s/,
      (cwd) => expect(faultsOf(cwd).at(-1)).toBe('resume done'),
    ],
  ];
  test.each(cases)(
    'under %s: interrupted, and the files are complete',
    async (_, argsOf, moment, expectWhole) => {
      await inService(async (service) => {
        expect(await untilClosed(service.cwd, argsOf(service), moment)).toBe(130);
        expectWhole(service.cwd);
      });
    },
    60_000,
  );

  test('under a run', async () => {
    await inRun(async ({ cwd, args, out }) => {
      expect(await untilClosed(cwd, args, /Waiting 1s before restarting Server 1/)).toBe(130);
      expect(faultsOf(out).at(-1)).toBe('restart done');
      expect(jsonOf<RunMetadata>(out, 'run.json').ended_at).not.toBeNull();
    });
  }, 90_000);

  // In its own session it gets no SIGHUP: only its writes fail.
  test('under a load of another session: it finishes', async () => {
    await inService(async ({ cwd, stress }) => {
      const args = [...stress, '--duration', '2'];
      expect(await untilClosed(cwd, args, /\[[=-]+\].* done/, 'setsid --wait')).toBe(0);
      const { counted, records, interrupted } = loadOf(cwd);
      expect({ interrupted, counted }).toEqual({ interrupted: [false, false], counted: records });
    });
  }, 60_000);
});

describe('standard input that ends (--until-stdin-ends)', () => {
  const shell = (redirection: string) => ['-c', `exec "$@" ${redirection}`, 'sh', PROGRAM];
  const cases: [string, string][] = [
    ['/dev/null', '< /dev/null'],
    ['a file', '< some.txt'],
    ['an empty file', '< empty.txt'],
    ['nothing at all: it was closed', '<&-'],
    ['a folder, which nobody can read', '< folder'],
    ['a file that is only open for writing', '0> written.txt'],
  ];

  test.each(cases)(
    '%s: the server leaves as soon as it has started',
    async (_, redirection) => {
      await inFolder(async (cwd) => {
        writeFileSync(path.join(cwd, 'some.txt'), 'some text\n'.repeat(20_000));
        writeFileSync(path.join(cwd, 'empty.txt'), '');
        mkdirSync(path.join(cwd, 'folder'));
        const { args } = await serverArgs();
        const how = { cwd, program: '/bin/sh', timeoutMs: 20_000 };
        const ended = await runProgram([...shell(redirection), ...args, '--until-stdin-ends'], how);
        expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
        expect(ended.stdout).toMatch(/Server 1 started/);
        expect(
          ended.stdout.match(/INFO standard input (has ended|cannot be read \(E[A-Z]+\)): leaving\n/g)?.length,
        ).toBe(1);
        expectLeft(cwd);
      });
    },
    30_000,
  );

  /** A server with an open standard input. */
  async function withInput(
    body: (server: ChildProcess, cwd: string, ended: Promise<unknown>) => Promise<void>,
    stdin: 'socket' | 'pipe',
  ): Promise<void> {
    await inFolder(async (cwd) => {
      const { args, address } = await serverArgs();
      // spawn's 'pipe' is a socket.
      const before = stdin === 'socket' ? [] : ['-c', 'cat | "$@"', 'sh', PROGRAM];
      const program = stdin === 'socket' ? PROGRAM : '/bin/sh';
      const server = spawn(program, [...before, ...args, '--until-stdin-ends'], {
        cwd,
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      const ended = new Promise((resolve) => server.on('close', (code, signal) => resolve({ code, signal })));
      try {
        await expectService(cwd, address);
        await body(server, cwd, ended);
      } finally {
        server.stdin!.destroy();
      }
    });
  }

  test.each(['socket', 'pipe'] as const)(
    'an open %s: it serves until that ends',
    async (stdin) => {
      await withInput(async (server, cwd, ended) => {
        server.stdin!.write('what is written does not matter\n');
        expect(server.exitCode).toBeNull();
        server.stdin!.end();
        expect(await ended).toEqual({ code: 0, signal: null });
        expectLeft(cwd);
      }, stdin);
    },
    30_000,
  );

  (hasTerminals ? test : test.skip)(
    'a terminal: until Ctrl-D',
    async () => {
      await inFolder(async (cwd) => {
        const { args, address } = await serverArgs();
        const terminal = onTerminal([...args, '--until-stdin-ends'], cwd);
        try {
          await expectService(cwd, address);
          terminal.stdin!.write('\u0004');
          expect(await exitCodeIn(cwd)).toBe(0);
          expectLeft(cwd);
        } finally {
          terminal.kill('SIGKILL');
        }
      });
    },
    30_000,
  );
});

describe('features of Node that the program does not have', () => {
  test('SIGUSR1 opens no debugger', async () => {
    await inService(async ({ cwd, stress }) => {
      const { args, address } = await serverArgs();
      const server = startProgram([...args, '--id', '7'], { cwd });
      await server.says(/accepting tasks/);
      server.child.kill('SIGUSR1');
      await expectService(cwd, address);
      server.child.kill('SIGUSR1');
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });

      const load = startProgram([...stress, '--duration', '1'], { cwd });
      await load.says(/Starting client 2/);
      load.child.kill('SIGUSR1');
      expect(await load.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
      expect(linesOf(cwd, 'metrics', 'machine_1_requests.ndjson').length).toBeGreaterThan(1);
    });
  }, 60_000);

  test.each(['--require ./missing.cjs', '--no-such-option', '--inspect=127.0.0.1:0', '--trace-exit'])(
    'NODE_OPTIONS=%s changes nothing',
    async (options) => {
      await inFolder(async (cwd) => {
        const env = { NODE_OPTIONS: options };
        const version = await runProgram(['--version'], { cwd, env, timeoutMs: 10_000 });
        expect(version).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^cloudp2p\//) });
        // In its workers, too.
        const { args, address } = await serverArgs();
        const server = startProgram(args, { cwd, env });
        await expectService(cwd, address);
        server.child.kill('SIGTERM');
        expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
      });
    },
    30_000,
  );
});
