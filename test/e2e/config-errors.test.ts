import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { freePorts } from '../support/cluster';
import { inFolder, runProgram, startProgram, type Ended } from '../support/program';

/** The content of the file, and what each line of stderr must match after the file's name. */
type Case = [name: string, text: string | Buffer, ...lines: RegExp[]];

const FILE = 'wrong.toml';
const TIMEOUT_MS = 10_000;
const BINARY = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff, 0xfe, 0x0a]);
const OWN = '[server]\nid = 1\naddress = "127.0.0.1:18001"\n';

const peers = (...list: [number, string][]): string =>
  `${OWN}[peers]\npeers = [${list.map(([id, address]) => `{ id = ${id}, address = "${address}" }`).join(', ')}]\n`;

/** Expects exit code 2, one line per problem with the file and its key, and no stack trace. */
function expectClear({ code, signal, stderr }: Ended, file: string, lines: readonly RegExp[]): void {
  expect({ code, signal, stderr }).toEqual({ code: 2, signal: null, stderr: expect.not.stringMatching(/^\s+at /m) });
  const told = stderr.trimEnd().split('\n');
  expect(told).toHaveLength(lines.length);
  lines.forEach((line, index) => {
    expect(told[index]).toMatch(/^Error: /);
    expect(told[index]).toContain(file);
    expect(told[index]).toMatch(line);
    expect(told[index]!.length).toBeLessThan(400);
  });
}

async function expectRefused(command: string, text: string | Buffer | null, lines: readonly RegExp[]): Promise<void> {
  await inFolder(async (cwd) => {
    if (text !== null) writeFileSync(path.join(cwd, FILE), text);
    mkdirSync(path.join(cwd, 'folder'));
    writeFileSync(path.join(cwd, 'plain-file'), 'no picture');
    const before = readdirSync(cwd).sort();
    const ended = await runProgram([command, '--config', FILE], { cwd, timeoutMs: TIMEOUT_MS });
    expectClear(ended, FILE, lines);
    // The events of a server that began to start are allowed, a pid file is not.
    const left = readdirSync(cwd).filter((name) => !before.includes(name));
    expect(left.filter((name) => !name.endsWith('_events.ndjson'))).toEqual([]);
  });
}

const OF_ANY_FILE: Case[] = [
  ['empty', '', /is empty/],
  ['only white space', '\n  \n', /is empty/],
  ['binary', BINARY, /not UTF-8/],
  ['broken TOML', '[server\nid = 1', /:1:\d+: not valid TOML/],
  ['a key set twice', '[client]\nname = "a"\nname = "b"\n', /set twice/],
  ['an unknown table', '[sever]\nid = 1\n', /sever: unknown key/],
];

describe('server', () => {
  test.each([...OF_ANY_FILE.slice(0, 5)])('%s', async (_, text, ...lines) => expectRefused('server', text, lines));

  test('a missing file', async () => expectRefused('server', null, [/no such file/]));

  test.each<Case>([
    ['an unknown table', `${OWN}[sever]\nid = 1\n`, /sever: unknown key, did you mean "server"/],
    ['an unknown key', `${OWN}adress = "x"\n`, /server\.adress: unknown key, did you mean "server\.address"/],
    [
      'a wrong type',
      '[server]\nid = "one"\naddress = "127.0.0.1:18001"\n',
      /server\.id: expected a whole number.*"one"/,
    ],
    ['an id out of range', '[server]\nid = 0\naddress = "127.0.0.1:18001"\n', /server\.id: expected .*got 0/],
    ['no id', '[server]\naddress = "127.0.0.1:18001"\n', /server\.id: missing/],
    ['a port out of range', '[server]\nid = 1\naddress = "127.0.0.1:99999"\n', /server\.address: expected HOST:PORT/],
    ['its own id among the peers', peers([1, '127.0.0.1:18002']), /peers\.peers\[0\]\.id: .*own, 1/],
    ['its own address among the peers', peers([2, '127.0.0.1:18001']), /peers\.peers\[0\]\.address: .*own, 127/],
    ['an id twice', peers([2, '127.0.0.1:18002'], [2, '127.0.0.1:18003']), /peers\.peers\[1\]\.id: .*2 again/],
    ['an address twice', peers([2, '127.0.0.1:18002'], [3, '127.0.0.1:18002']), /peers\.peers\[1\]\.address: .*again/],
    ['a wildcard as a peer', peers([2, '0.0.0.0:18002']), /peers\.peers\[0\]\.address: expected/],
    [
      'a negative time',
      `${OWN}[election]\nheartbeat_interval_secs = -1\n`,
      /election\.heartbeat_interval_secs: .*got -1/,
    ],
    [
      'a timeout below the heartbeat',
      `${OWN}[election]\nfailure_timeout_secs = 0.5\n`,
      /election\.failure_timeout_secs: /,
    ],
    ['no workers', `${OWN}[processing]\nworkers = 0\n`, /processing\.workers: .*got 0/],
    ['a word for a limit', `${OWN}[limits]\nmax_secret_bytes = "7 MB"\n`, /limits\.max_secret_bytes: .*"7 MB"/],
    [
      'no place for anybody but peers',
      `${peers([2, '127.0.0.1:18002'], [3, '127.0.0.1:18003'])}[limits]\nmax_connections = 2\n`,
      /limits\.max_connections: expected at least 3 .*got 2/,
    ],
    ['a date for a limit', `${OWN}[limits]\nmax_connections = 2025-10-31\n`, /limits\.max_connections: .*2025-10-31/],
    [
      'two faults at once',
      '[server]\nid = "one"\nadress = "127.0.0.1:18001"\naddress = "127.0.0.1:18001"\n',
      /server\.adress: unknown key/,
      /server\.id: expected/,
    ],
  ])('%s', async (_, text, ...lines) => expectRefused('server', text, lines));

  describe('files that it needs', () => {
    const withKey = (key: string, value: string): Promise<[string, string]> =>
      freePorts(1).then(([port]) => [`[server]\nid = 1\naddress = "127.0.0.1:${port}"\n${key} = "${value}"\n`, key]);

    test.each([
      ['cover_image', 'plain-file'],
      ['cover_image', 'nowhere.png'],
      ['cover_image', 'folder'],
      ['events_file', 'folder'],
      ['events_file', 'plain-file/events.ndjson'],
      ['events_file', '/proc/nowhere/events.ndjson'],
      ['log_file', 'plain-file/server.log'],
      ['pid_file', 'folder'],
      ['pid_file', 'plain-file/server.pid'],
      ['pid_file', '/proc/nowhere/server.pid'],
    ])(
      '%s = %s',
      async (key, value) => {
        const [text] = await withKey(key, value);
        await expectRefused('server', text, [new RegExp(`server\\.${key}\\b.*${value.split('/')[0]}`)]);
      },
      20_000,
    );
  });

  test('an address that another process listens on', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as { port: number };
      const text = `[server]\nid = 1\naddress = "127.0.0.1:${port}"\n`;
      await expectRefused('server', text, [new RegExp(`server\\.address.*127\\.0\\.0\\.1:${port}.*in use`)]);
    } finally {
      other.close();
    }
  });

  test('an address of another machine', async () => {
    const text = '[server]\nid = 1\naddress = "192.0.2.1:18001"\n';
    await expectRefused('server', text, [/server\.address.*192\.0\.2\.1:18001/]);
  });

  test('an address that does not resolve', async () => {
    const text = '[server]\nid = 1\naddress = "no-such-host.invalid:18001"\n';
    await expectRefused('server', text, [/server\.address.*no-such-host\.invalid/]);
  });

  test('a second start with the same file leaves the first server and its pid file alone', async () => {
    await inFolder(async (cwd) => {
      const [port] = await freePorts(1);
      writeFileSync(path.join(cwd, FILE), `[server]\nid = 1\naddress = "127.0.0.1:${port}"\n`);
      const first = startProgram(['server', '--config', FILE], { cwd });
      try {
        await first.says(/accepting tasks/);
        const pidFile = readFileSync(path.join(cwd, 'server_1.pid'), 'utf8');
        const second = await runProgram(['server', '--config', FILE], { cwd, timeoutMs: TIMEOUT_MS });
        expect(second).toMatchObject({
          code: 2,
          stderr: expect.stringMatching(/^Error: .*belongs to the running server 1, .*\n$/),
        });
        expect(readFileSync(path.join(cwd, 'server_1.pid'), 'utf8')).toBe(pidFile);
      } finally {
        first.child.kill('SIGTERM');
        expect(await first.ended).toMatchObject({ code: 0 });
      }
    });
  }, 30_000);

  test.each([
    [['--id', '0'], /--id: expected .*, got "0"/],
    [['--address', 'nowhere'], /--address: expected .*, got "nowhere"/],
    [['--peer', '1@127.0.0.1:8002'], /--peer 1@127\.0\.0\.1:8002: .*own, 1/],
    [['--peer', '2@127.0.0.1'], /--peer: expected ID@HOST:PORT .*, got "2@127\.0\.0\.1"/],
    [['--nope'], /unknown flag --nope/],
  ])('flags %j', async (flags, line) => {
    await inFolder(async (cwd) => {
      const ended = await runProgram(['server', ...flags], { cwd, timeoutMs: TIMEOUT_MS });
      expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(line) });
      expect(ended.stderr).not.toMatch(/^\s+at /m);
      expect(readdirSync(cwd)).toEqual([]);
    });
  });
});

describe('client', () => {
  test.each(OF_ANY_FILE)('%s', async (_, text, ...lines) => expectRefused('client', text, lines));

  test('a missing file', async () => expectRefused('client', null, [/no such file/]));

  test.each<Case>([
    ['an unknown key', '[client]\nserver_adresses = []\n', /server_adresses: unknown key, did you mean/],
    ['a wrong type', '[client]\nserver_addresses = "127.0.0.1:8001"\n', /client\.server_addresses: expected a list/],
    ['no address', '[client]\nserver_addresses = []\n', /client\.server_addresses: expected at least one/],
    ['a bad address', '[client]\nserver_addresses = ["here"]\n', /client\.server_addresses\[0\]: expected HOST:PORT/],
    [
      'an address twice',
      '[client]\nserver_addresses = ["localhost:8001", "LOCALHOST:8001"]\n',
      /client\.server_addresses\[1\]: expected each address once/,
    ],
    ['a negative rate', '[requests]\nrate_per_second = -1\n', /requests\.rate_per_second: .*got -1/],
    ['a rate and think times', '[requests]\nrate_per_second = 1\nmin_delay_ms = 1\n', /requests\.rate_per_second: /],
    ['delays the wrong way round', '[requests]\nmin_delay_ms = 9\nmax_delay_ms = 1\n', /requests\.min_delay_ms: /],
  ])('%s', async (_, text, ...lines) => expectRefused('client', text, lines));

  test.each([
    [['--image-dir', 'nowhere'], /nowhere: does not exist/],
    [['--image-dir', '.'], /no images/],
    [['--server', 'here'], /--server: expected HOST:PORT/],
    [['--requests', 'many'], /--requests: expected a whole number/],
    [['--rate', '1', '--min-delay-ms', '1'], /--rate: cannot be combined with --min-delay-ms/],
  ])('flags %j', async (flags, line) => {
    await inFolder(async (cwd) => {
      const ended = await runProgram(['client', ...flags], { cwd, timeoutMs: TIMEOUT_MS });
      expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(line) });
      expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(readdirSync(cwd)).toEqual([]);
    });
  });
});
