import {
  chmodSync,
  chownSync,
  copyFileSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import path from 'node:path';
import { freePorts } from '../support/cluster';
import { inFolder, PROGRAM, runProgram, startProgram, type RunOptions, type Running } from '../support/program';
import { envelopeHead, RawConnection, taskRequest } from '../support/raw';

const LARGE = readFileSync(path.join(__dirname, '../../test_images/large.png'));
const NOBODY = 54_321;
const LOG_LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (DEBUG|INFO|WARN|ERROR) \S.*$/;
const READY = /accepting tasks/;
const EXIT_MS = 3000;

async function serverArgs(): Promise<{ args: string[]; address: string }> {
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  return { args: ['server', '--address', address, '--id', '1'], address };
}

/** Signals the server's own process and measures how long it takes to end. */
async function endsBy(server: Running, signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }> {
  const startMs = performance.now();
  server.child.kill(signal);
  const { code } = await server.ended;
  return { code, ms: performance.now() - startMs };
}

/** Runs `body` with one server alone in `cwd`; kills it afterwards if it is still running. */
async function withServer(
  options: RunOptions,
  body: (server: Running, address: string) => Promise<void>,
  flags: string[] = [],
): Promise<void> {
  const { args, address } = await serverArgs();
  const server = startProgram([...args, ...flags], options);
  try {
    await server.says(READY);
    await body(server, address);
  } finally {
    server.child.kill('SIGKILL');
    await server.ended;
  }
}

/** Runs a server, status, hide, reveal and init, and stops the server. */
async function wholeRound(options: RunOptions): Promise<void> {
  const { cwd } = options;
  const run = (...args: string[]) => runProgram(args, { timeoutMs: 30_000, ...options });
  const { args, address } = await serverArgs();
  const server = startProgram(args, options);
  try {
    const status = await run('status', '--server', address, '--wait', '10');
    expect(status).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/follows server 1 in term 1/) });
    await server.says(READY);
    expect(await run('init')).toMatchObject({ code: 0, stderr: '' });
    const small = path.join('test_images', 'small.png');
    const hide = await run('client', 'hide', small, '--out', 'carrier.png', '--server', address);
    expect(hide).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/verified/) });
    expect(await run('client', 'reveal', 'carrier.png', '--out', 'again.png')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(path.join(cwd, 'again.png')).equals(readFileSync(path.join(cwd, small)))).toBe(true);
  } finally {
    const { code, ms } = await endsBy(server, 'SIGTERM');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(EXIT_MS);
  }
  expect((await server.ended).stderr).toBe('');
}

test('alone in an empty folder, without an environment', async () => {
  await inFolder(async (folder) => {
    const program = path.join(folder, 'cloudp2p');
    copyFileSync(PROGRAM, program, constants.COPYFILE_FICLONE);
    const cwd = path.join(folder, 'empty');
    mkdirSync(cwd);
    await wholeRound({ cwd, program, env: {} });
    expect(readdirSync(cwd).sort()).toEqual([
      ...['again.png', 'carrier.png', 'config', 'server_1_events.ndjson', 'test_images'],
    ]);
    expect(readdirSync(folder).sort()).toEqual(['cloudp2p', 'empty']);
  });
}, 60_000);

if (process.getuid?.() !== 0) console.log('skipped, only root may become another user: a user without passwd entry');
(process.getuid?.() === 0 ? test : test.skip)(
  'a user without a passwd entry, in a folder of its own',
  async () => {
    await inFolder(async (folder) => {
      chmodSync(folder, 0o755);
      const program = path.join(folder, 'cloudp2p');
      copyFileSync(PROGRAM, program, constants.COPYFILE_FICLONE);
      chmodSync(program, 0o755);
      const cwd = path.join(folder, 'own');
      mkdirSync(cwd);
      chownSync(cwd, NOBODY, NOBODY);
      const nobody = { program, env: {}, uid: NOBODY, gid: NOBODY };
      await wholeRound({ ...nobody, cwd });
      // Where it may not write, it says so in one line.
      const { args } = await serverArgs();
      const refused = await runProgram(args, { ...nobody, cwd: folder, timeoutMs: 10_000 });
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^Error: .*server_1_events\.ndjson.*\n$/),
      });
    });
  },
  60_000,
);

test('accepts what init writes: three servers from the templates, then the default file', async () => {
  await inFolder(async (cwd) => {
    expect(await runProgram(['init'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    for (const id of [1, 2, 3]) {
      const [port] = await freePorts(1);
      // The default addresses may be taken on this machine; everything else is the template's.
      const flags = ['--address', `127.0.0.1:${port}`];
      const server = startProgram(['server', '--config', `config/server${id}.toml`, ...flags], { cwd });
      await server.says(READY);
      const pid: unknown = JSON.parse(readFileSync(path.join(cwd, `server_${id}.pid`), 'utf8'));
      expect(pid).toMatchObject({ pid: server.child.pid, config: `config/server${id}.toml` });
      expect(await endsBy(server, 'SIGTERM')).toMatchObject({ code: 0 });
    }
  });
}, 60_000);

test('a server without any file: pid file, log lines, events', async () => {
  await inFolder(async (cwd) => {
    await withServer({ cwd }, async (server, address) => {
      const pid = JSON.parse(readFileSync(path.join(cwd, 'server_1.pid'), 'utf8')) as { start_time: number };
      expect(pid).toEqual({
        pid: server.child.pid,
        start_time: expect.any(Number),
        kernel_start: expect.stringMatching(/^.+\/\d+$/),
        server_id: 1,
        config: null,
      });
      expect(Math.abs(Date.now() - pid.start_time)).toBeLessThan(10_000);
      const { code, ms } = await endsBy(server, 'SIGTERM');
      expect(code).toBe(0);
      expect(ms).toBeLessThan(EXIT_MS);
      expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
      const lines = server.stdout.trimEnd().split('\n');
      for (const line of lines) expect(line).toMatch(LOG_LINE);
      expect(lines[0]).toMatch(new RegExp(`INFO Server 1 started on ${address}`));
      expect(server.stdout).toMatch(/SIGTERM: leaving/);
      const text = readFileSync(path.join(cwd, 'server_1_events.ndjson'), 'utf8');
      const events = text
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { event: string }).event);
      expect(events[0]).toBe('started');
      expect(events.filter((event) => event !== 'sample' && event !== 'clock')).toEqual([
        ...['started', 'leader', 'ready', 'stopping', 'stopped'],
      ]);
      expect(events).toContain('clock');
    });
  });
}, 30_000);

test('SIGTERM as soon as it says that it started, while the cover is still being decoded', async () => {
  // Repeated: from the moment it is announced, it must accept a signal to leave.
  for (let round = 0; round < 10; round++) {
    await inFolder(async (cwd) => {
      const { args } = await serverArgs();
      const server = startProgram(args, { cwd });
      await server.says(/started on/);
      const { ms } = await endsBy(server, 'SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
      expect(ms).toBeLessThan(EXIT_MS);
      expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
    });
  }
}, 60_000);

test('Ctrl-C exits with 130', async () => {
  await inFolder(async (cwd) => {
    await withServer({ cwd }, async (server) => {
      const { code, ms } = await endsBy(server, 'SIGINT');
      expect(code).toBe(130);
      expect(ms).toBeLessThan(EXIT_MS);
      expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
    });
  });
}, 30_000);

/** Sends large tasks that take seconds to drain; resolves with their connections once the server works on them. */
async function giveWork(address: string, count: number): Promise<RawConnection[]> {
  const connections = await RawConnection.openMany(address, count);
  await Promise.all(
    connections.map(async (connection, index) => {
      connection.send(envelopeHead(taskRequest('Large', index), LARGE.length));
      await connection.stream(LARGE, LARGE.length);
    }),
  );
  await connections[0]!.next(10_000);
  return connections;
}

test('SIGTERM lets running tasks finish: accepted tasks are answered', async () => {
  await inFolder(async (cwd) => {
    await withServer({ cwd }, async (server, address) => {
      const connections = await giveWork(address, 4);
      server.child.kill('SIGTERM');
      const answers = await Promise.all(connections.slice(1).map((connection) => connection.next(10_000)));
      for (const { message, body } of answers) {
        expect(message).toHaveProperty('TaskResponse.success', true);
        expect(body.length).toBeGreaterThan(LARGE.length);
      }
      expect((await server.ended).code).toBe(0);
      for (const connection of connections) connection.destroy();
    });
  });
}, 60_000);

test.each([
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const)(
  'a second %s while it drains ends it at once',
  async (signal, exitCode) => {
    await inFolder(async (cwd) => {
      await withServer({ cwd }, async (server, address) => {
        const connections = await giveWork(address, 30);
        server.child.kill(signal);
        await server.says(/leaving; a second signal ends at once/);
        const { code, ms } = await endsBy(server, signal);
        expect(code).toBe(exitCode);
        expect(ms).toBeLessThan(500);
        // It did not drain first: most of the work was still to be done.
        expect(connections.filter((connection) => connection.hasFrame).length).toBeLessThan(20);
        expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
        for (const connection of connections) connection.destroy();
      });
    });
  },
  60_000,
);
