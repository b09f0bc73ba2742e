import { mkdirSync, readdirSync, readFileSync, statSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync, deflateSync } from 'node:zlib';
import type { AggregatedStats } from '../../src/core/metrics/summary';
import { carrierOf } from '../client/scripted-server';
import { chunk, png, pngHead } from '../imaging/raw-png';
import {
  type Answers,
  assignsTo,
  HostileServer,
  type Said,
  statusAnswer,
  successHead,
} from '../support/hostile-server';
import { MB, MemoryWatch } from '../support/memory';
import { type Ended, inFolder, runProgram } from '../support/program';
import { frame } from '../support/raw';
import { goodCodeIn } from '../support/good-code';

const SECRET_BYTES = 20_000;
const SECRET = Buffer.alloc(SECRET_BYTES, 'a secret');
const TIMEOUT_SECS = 3;
/** The most that the kernels of both sides may buffer of a stream that nobody reads. */
const KERNEL_BYTES = 16 * MB;
/** The program itself needs about 70. */
const MAX_RSS_MB = 160;

/** A colour, a link, the clipboard, a line of its own, C1 and DEL, and characters that reverse or hide text. */
const EVIL =
  '\u001b[31m\u001b]8;;http://evil\u0007link\u001b]52;c;cHduZWQ=\u0007\r\nforged line\u0000\u007f\u009b31m' +
  '\u202egnp.exe\u2066\u200b\u061c\u00ad\u2028\u{e0041}end';
const HARMFUL = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

jest.setTimeout(120_000);

const servers: HostileServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function hostile(answers: Answers): Promise<HostileServer> {
  const server = await HostileServer.start(answers);
  servers.push(server);
  return server;
}

const own = (server: HostileServer): string => server.address;

/** Makes a folder with one image in it, and a configuration that lists these servers. */
function prepare(folder: string, ...listed: HostileServer[]): void {
  mkdirSync(path.join(folder, 'images'), { recursive: true });
  writeFileSync(path.join(folder, 'images', 'secret.png'), SECRET);
  const addresses = JSON.stringify(listed.map(({ address }) => address));
  const toml = `[client]\nserver_addresses = ${addresses}\nrequest_timeout_secs = ${TIMEOUT_SECS}\n`;
  writeFileSync(path.join(folder, 'client.toml'), toml);
}

interface Measured extends Ended {
  peakMb: number;
  tookMs: number;
}

async function measured(folder: string, args: readonly string[]): Promise<Measured> {
  let watch!: MemoryWatch;
  const startMs = performance.now();
  const ended = await runProgram(args, {
    cwd: folder,
    timeoutMs: 60_000,
    onStart: ({ pid }) => (watch = new MemoryWatch([pid!])),
  });
  watch.stop();
  return { ...ended, peakMb: watch.peakMb[0]!, tookMs: performance.now() - startMs };
}

const hide = (folder: string): Promise<Measured> =>
  measured(folder, ['client', 'hide', 'images/secret.png', '--config', 'client.toml', '--out', 'carrier.png']);

function everyFile(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

function expectHarmless(text: string, what: string): void {
  const found = HARMFUL.exec(text);
  const where = found === null ? null : JSON.stringify(text.slice(Math.max(0, found.index - 80), found.index + 40));
  expect({ what, where }).toEqual({ what, where: null });
  expect(text).not.toMatch(/^forged line/m);
}

/** Checks JSON as a program sees it that parses it and prints its strings. */
function expectHarmlessJson(text: string, what: string): void {
  expectHarmless(text, what);
  for (const line of what.endsWith('.ndjson') ? text.trimEnd().split('\n') : [text]) {
    if (line === '') continue;
    JSON.parse(line, (key, value: unknown) => {
      expectHarmless(key, what);
      if (typeof value === 'string') expectHarmless(value.replaceAll('\n', '\u0000'), what);
      return value;
    });
  }
}

const refuses = (fields: (said: Said) => object): Answers => ({
  TaskRequest: ({ connection, fields: { request_id }, ...said }) => {
    const more = fields({ connection, fields: { request_id }, ...said });
    const response = { request_id, success: false, error_message: null, ...more };
    connection.send(frame(JSON.stringify({ TaskResponse: response })));
  },
});
const says =
  (message: object) =>
  ({ connection }: Said): unknown =>
    connection.send(frame(JSON.stringify(message)));

const EVIL_STATUS = statusAnswer(1, {
  address: EVIL,
  version: EVIL,
  incarnation: EVIL,
  peers: [{ id: 2, address: EVIL, up: true, more: EVIL }],
});

describe('any string from a server', () => {
  const kinds: [string, Answers][] = [
    ['in a refusal', { ...assignsTo(1, own), ...refuses(() => ({ error_message: EVIL, error_code: EVIL })) }],
    [
      'in a refusal for now',
      { ...assignsTo(1, own), ...refuses(() => ({ error_message: EVIL, error_code: 'overloaded' })) },
    ],
    ['in the address of an assignment', assignsTo(1, () => `${EVIL}:80`)],
    ['in an address that has the form of one', assignsTo(1, () => '\u009b31m\u202e\u0007h:80')],
    [
      'in an Error about the frame',
      { ...assignsTo(1, own), TaskRequest: says({ Error: { code: 'bad_frame', message: EVIL } }) },
    ],
    ['in an Error about TLS', { TaskAssignmentRequest: says({ Error: { code: 'bad_certificate', message: EVIL } }) }],
    ['in the code of an Error', { TaskAssignmentRequest: says({ Error: { code: EVIL, message: EVIL } }) }],
    ['in the name of a message', { ...assignsTo(1, own), TaskRequest: says({ [EVIL]: {} }) }],
    [
      'in the name of a field',
      { ...assignsTo(1, own), TaskRequest: says({ TaskResponse: { [EVIL]: EVIL, success: EVIL } }) },
    ],
    ['in what is no frame', { TaskAssignmentRequest: ({ connection }) => connection.send(Buffer.from(EVIL)) }],
  ];

  test.each(kinds)(
    '%s reaches no terminal, log or file unescaped',
    async (_, answers) => {
      await inFolder(async (folder) => {
        const server = await hostile({ ...EVIL_STATUS, ...answers });
        prepare(folder, server);
        const config = ['--config', 'client.toml'];
        const load = ['--requests', '2', '--min-delay-ms', '0', '--max-delay-ms', '0', '--image-dir', 'images'];
        const client = ['client', ...config, ...load, '--log-level', 'debug'];
        const clients = ['--client-config', 'client.toml', '--clients', '2', ...load, '--log-level', 'debug'];
        const runs: string[][] = [
          ['client', 'hide', 'images/secret.png', ...config, '--out', 'c.png'],
          ['client', 'hide', 'images/secret.png', ...config, '--out', 'c.png', '--json'],
          [...client, '--metrics-output', 'one/machine_1_client_1.json'],
          [...client, '--metrics-output', 'two/machine_1_client_1.json', '--json'],
          ['stress', ...clients, '--metrics-dir', 'three'],
          ['stress', ...clients, '--metrics-dir', 'four', '--json'],
        ];
        const all = await Promise.all(runs.map((args) => runProgram(args, { cwd: folder, timeoutMs: 60_000 })));
        const report = [
          'report',
          '--metrics',
          'three',
          '--out',
          'report.txt',
          '--out',
          'report.json',
          '--out',
          'report.csv',
        ];
        all.push(await runProgram(report, { cwd: folder, timeoutMs: 60_000 }));
        all.forEach(({ code, signal, stdout, stderr }, index) => {
          const what = (runs[index] ?? report).join(' ');
          // Neither a bug nor killed by the timeout.
          expect({ what, signal, isBug: code === 1 }).toEqual({ what, signal: null, isBug: false });
          expectHarmless(stderr, `stderr of ${what}`);
          if (what.endsWith('--json')) expectHarmlessJson(stdout, `stdout of ${what}`);
          else expectHarmless(stdout, `stdout of ${what}`);
        });
        const files = everyFile(folder).filter((file) => /\.(log|txt|json|ndjson)$/.test(file));
        expect(files.length).toBeGreaterThan(10);
        for (const file of files) {
          const text = readFileSync(file, 'utf8');
          if (/json$/.test(file)) expectHarmlessJson(text, file);
          else expectHarmless(text, file);
        }
      });
    },
    120_000,
  );

  test.each([
    ['a status', EVIL_STATUS],
    ['an Error', { StatusQuery: says({ Error: { code: EVIL, message: EVIL } }) }],
    ['an Error about TLS', { StatusQuery: says({ Error: { code: 'bad_certificate', message: EVIL } }) }],
    ['a phase', statusAnswer(1, { phase: EVIL })],
  ] satisfies [string, Answers][])('%s on the way to `status`', async (_, answers) => {
    await inFolder(async (folder) => {
      const server = await hostile(answers);
      const args = ['status', '--server', server.address];
      const [text, json] = await Promise.all(
        [args, [...args, '--json']].map((each) => runProgram(each, { cwd: folder })),
      );
      for (const { stdout, stderr, code } of [text!, json!]) {
        expect(code).not.toBe(1);
        expectHarmless(stdout + stderr, 'status');
      }
      expectHarmlessJson(json!.stdout, 'status --json');
    });
  });
});

const ENDLESS = 2 ** 32 - 1024;
const ZEROS = Buffer.alloc(MB);
const text = chunk('tEXt', Buffer.alloc(60_000, 'x'));

/** Sends the body repeatedly until the client disconnects. */
function endless(first: (secret: Buffer) => Buffer, again: Buffer, announcedBytes = ENDLESS): Answers {
  return {
    ...assignsTo(1, own),
    TaskRequest: (said) => {
      const head = successHead(said, announcedBytes);
      const begin = first(said.body);
      said.connection.send(Buffer.concat([head, begin]));
      void said.connection.stream(again, announcedBytes - begin.length);
    },
  };
}

describe('a carrier', () => {
  const right = (secret: Buffer): Buffer => carrierOf(secret).subarray(0, -12);
  const bomb = deflateRawSync(Buffer.alloc(16 * MB));
  // Stored deflate blocks that contain no byte.
  const nothing = Buffer.alloc(60_000, Buffer.from([0, 0, 0, 0xff, 0xff]));
  const head = (width: number, height: number, idatBytes: number): Buffer => {
    const idat = Buffer.alloc(10);
    idat.writeUInt32BE(idatBytes);
    idat.write('IDAT', 4);
    idat.writeUInt16BE(0x7801, 8);
    return Buffer.concat([pngHead({ width, height, color: 6 }), idat]);
  };

  const verification = { code: 3, stderr: 'Error: Verification failed\n' };
  const tooLarge = {
    code: 4,
    stderr: expect.stringMatching(
      /^Error: Server error: broke the protocol: a frame of \d+ bytes, at most \d+ are allowed\n$/,
    ),
  };
  // The most that is read of an answer to this secret.
  const most = 16 * (SECRET_BYTES + 8) + MB;

  test.each([
    ['announced as 4 GB', tooLarge, endless(() => Buffer.alloc(0), ZEROS)],
    ['right, and then text without end', tooLarge, endless(right, text)],
    ['right, and then text for as long as it may be', verification, endless(right, text, most)],
    ['of text before its pixels', verification, endless(() => pngHead({ width: 1000, height: 1000 }), text, most)],
    ['of no pixels', verification, endless(() => head(1000, 1000, 2 ** 31 - 1), nothing, most)],
    ['of no pixels without end', tooLarge, endless(() => head(1000, 1000, 2 ** 31 - 1), nothing, 100 * MB)],
    ['of black pixels', verification, endless(() => head(30_000, 2 ** 31 - 1, 2 ** 31 - 1), bomb, most)],
    ['of a row without end', verification, endless(() => head(2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1), bomb, most)],
    ['of too few pixels', verification, endless(() => head(100, 100, 2 ** 31 - 1), nothing, most)],
  ])('%s is given up, and costs no memory', async (_, expected, answers) => {
    await inFolder(async (folder) => {
      const server = await hostile(answers);
      prepare(folder, server);
      const { code, stderr, peakMb } = await hide(folder);
      expect({ code, stderr }).toEqual(expected);
      expect(peakMb).toBeLessThan(MAX_RSS_MB);
      expect(server.sentBytes).toBeLessThan(KERNEL_BYTES);
    });
  });

  test('that trickles, byte by byte, ends at the deadline', async () => {
    await inFolder(async (folder) => {
      let end: () => void;
      const ended = new Promise<void>((resolve) => (end = resolve));
      const server = await hostile({
        ...assignsTo(1, own),
        TaskRequest: (said) => {
          const carrier = carrierOf(said.body);
          said.connection.send(successHead(said, carrier.length));
          let at = 0;
          const next = (): void => {
            if (said.connection.isClosed) return end();
            said.connection.send(carrier.subarray(at, ++at));
            setTimeout(next, 1);
          };
          next();
        },
      });
      prepare(folder, server);
      const { code, stderr, peakMb, tookMs } = await hide(folder);
      expect({ code, stderr }).toEqual({ code: 4, stderr: `Error: Request timeout after ${TIMEOUT_SECS}s\n` });
      expect(tookMs).toBeLessThan(TIMEOUT_SECS * 1000 + 10_000);
      expect(peakMb).toBeLessThan(MAX_RSS_MB);
      // The server may hear of the client's end a little later than this test.
      await ended;
    });
  });
});

describe('an address that only a server named', () => {
  test.each([
    ['says nothing', {}],
    ['closes', { StatusQuery: ({ connection }) => connection.destroy() }],
    ['calls itself another server', statusAnswer(3)],
    [
      'knows nothing of the server that named it',
      statusAnswer(2, { leader_id: 7, peers: [{ id: 7, address: 'a:1', up: true }] }),
    ],
    [
      'takes tasks, but does not say who it is',
      { TaskRequest: (said: Said) => said.connection.send(Buffer.concat([successHead(said, 0)])) },
    ],
  ] satisfies [string, Answers][])('gets no byte of an image if the server there %s', async (_, answers) => {
    await inFolder(async (folder) => {
      const bystander = await hostile(answers);
      const namer = await hostile(assignsTo(2, () => bystander.address, { leader_id: 1 }));
      prepare(folder, namer);
      const { code, stderr } = await hide(folder);
      expect(code).toBe(4);
      expect(stderr).toMatch(/^Error: [^\n]+\n$/);
      expect(bystander.connectionCount).toBeGreaterThan(0);
      expect(bystander.all('TaskRequest').length).toBe(0);
      expect(bystander.receivedBytes).toBeLessThan(1000 * bystander.connectionCount);
    });
  });

  test('gets images once it has identified itself as the assigned server', async () => {
    await inFolder(async (folder) => {
      const answer = (said: Said): void => {
        const carrier = carrierOf(said.body);
        said.connection.send(Buffer.concat([successHead(said, carrier.length), carrier]));
      };
      const peers = [{ id: 1, address: 'a:1', up: true }];
      const unlisted = await hostile({ ...statusAnswer(2, { leader_id: 1, peers }), TaskRequest: answer });
      const namer = await hostile(assignsTo(2, () => unlisted.address, { leader_id: 1 }));
      prepare(folder, namer);
      const load = ['--requests', '5', '--min-delay-ms', '0', '--max-delay-ms', '0', '--image-dir', 'images', '--json'];
      const { code, stdout } = await measured(folder, ['client', '--config', 'client.toml', ...load]);
      expect(code).toBe(0);
      const { aggregated_stats: stats } = JSON.parse(stdout) as { aggregated_stats: AggregatedStats };
      expect(stats).toMatchObject({ successful_requests: 5, retry_count: 0, server_distribution: { 2: 5 } });
      expect({ asked: unlisted.all('StatusQuery').length, tasks: unlisted.all('TaskRequest').length }).toEqual({
        asked: 1,
        tasks: 5,
      });
    });
  });
});

describe('client reveal', () => {
  const told = (bytes: number): number[] => Array.from({ length: 32 }, (_, bit) => (bytes >>> (31 - bit)) & 1);
  /** Rows of one length and then only zeros, which deflate to a thousandth. */
  const claims = (bytes: number, width: number, rows: number): Buffer => {
    const raw = Buffer.alloc(rows * (width * 3 + 1));
    told(bytes).forEach((bit, index) => (raw[1 + index] = bit));
    return deflateSync(raw);
  };
  const sized = { width: 4096, height: 4096 };

  test.each<[string, () => Buffer, RegExp]>([
    ['a claim of 4 GB', () => png(sized, claims(2 ** 32 - 1, 4096, 10)), /no secret in this image/],
    [
      'one of 4 GB in an image that large',
      () => png({ width: 30_000, height: 2 ** 30 }, claims(2 ** 32 - 1, 30_000, 10)),
      /at most 67108864 are supported/,
    ],
    [
      'one of 60 MB that is cut off',
      () => png({ width: 30_000, height: 2 ** 30 }, claims(6e7, 30_000, 10)),
      /the carrier ends after/,
    ],
    [
      'a bomb of 300 MB',
      () => png({ width: 30_000, height: 2 ** 30 }, claims(6e7, 30_000, 3000)),
      /the carrier ends after/,
    ],
    ['a row of 6 GB', () => png({ width: 2 ** 31 - 1, height: 1 }, claims(1, 4096, 1)), /pixels per row are too many/],
    [
      'a PNG without an image',
      () => Buffer.concat([pngHead(sized), ...Array<Buffer>(2000).fill(text)]),
      /the carrier ends/,
    ],
  ])('%s costs neither time nor memory', async (_, file, expected) => {
    await inFolder(async (folder) => {
      writeFileSync(path.join(folder, 'c.png'), file());
      const { code, stderr, peakMb } = await measured(folder, ['client', 'reveal', 'c.png', '--out', 'o.png']);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(expected) });
      expect(peakMb).toBeLessThan(MAX_RSS_MB);
    });
  });
});

test('ever-changing reasons and ids fill neither memory nor files, and the counts add up', async () => {
  await inFolder(async (folder) => {
    let count = 0;
    const server = await hostile({
      ...statusAnswer(1),
      TaskAssignmentRequest: (said, self) => assignsTo(++count, own)['TaskAssignmentRequest']!(said, self),
      ...refuses(() => ({ error_message: `${count} ${'x'.repeat(60_000)}`, error_code: `c${count}` })),
    });
    prepare(folder, server);
    const load = ['--clients', '30', '--requests', '100', '--min-delay-ms', '0', '--max-delay-ms', '0'];
    const args = ['stress', '--client-config', 'client.toml', ...load, '--image-dir', 'images', '--json'];
    const { code, stdout, peakMb } = await measured(folder, args);
    expect(code).toBe(goodCodeIn(folder));
    expect(peakMb).toBeLessThan(2 * MAX_RSS_MB);
    const report = await measured(folder, ['report', '--metrics', 'metrics', '--out', 'report.json']);
    // Without the servers' files nothing is verified.
    expect(report.code).toBe(4);
    expect(report.peakMb).toBeLessThan(2 * MAX_RSS_MB);
    // A program that writes neither records nor a run file is counted by its clients' own files.
    for (const name of ['requests.ndjson', 'run.json', 'generator.ndjson'])
      rmSync(path.join(folder, 'metrics', `machine_1_${name}`));
    const ofClients = await measured(folder, ['report', '--metrics', 'metrics', '--out', 'clients.json']);
    expect(ofClients.code).toBe(4);
    const stats = (JSON.parse(stdout) as { aggregated_stats: AggregatedStats }).aggregated_stats;
    const reports = ['report.json', 'clients.json'].map(
      (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as AggregatedStats,
    );
    for (const { failed_requests: failed, failure_reasons: reasons, server_distribution: ids } of [stats, ...reports]) {
      expect(failed).toBe(3000);
      expect(sumOf(reasons)).toBe(3000);
      // On a busy machine some are hedged to a server that has not sent its id.
      expect(sumOf(ids)).toBe(sumOf(stats.server_distribution));
      expect(Object.keys(reasons).length).toBeLessThanOrEqual(201);
      expect(Math.max(...Object.keys(reasons).map(({ length }) => length))).toBeLessThanOrEqual(250);
      expect(Object.keys(ids).length).toBeLessThanOrEqual(1001);
    }
    const bytes = everyFile(path.join(folder, 'metrics')).reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeLessThan(8 * MB);
  });
});

const sumOf = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
