/** The built program writes only the files that it is told to write, and leaves special files in place. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { executed, lines, request } from '../report/lab';
import { freePorts } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { inFolder, PROGRAM, runProgram, startProgram } from '../support/program';
import {
  isNullDevice,
  makeFifo,
  makeNullDevice,
  onSmallDisk,
  readFifo,
  readOnly,
  testWithDevices,
  testWithMounts,
} from '../support/specials';

const SMALL = path.join(__dirname, '../../test_images/small.png');
const secret = readFileSync(SMALL);
const MINUTE_MS = 60_000;

interface Workplace {
  cwd: string;
  at(...names: string[]): string;
  run(...args: string[]): ReturnType<typeof runProgram>;
  /** The commands that write a file of the user's choice, up to the name of the file. */
  commands: Record<string, { args: string[]; name: string; isRight(content: Buffer): boolean }>;
}

const isJson = (content: Buffer): boolean => typeof JSON.parse(content.toString()) === 'object';
const isPng = (content: Buffer): boolean => content.subarray(1, 4).toString() === 'PNG';

/** Runs `body` with a server, a carrier, an image to send, and a run to report. */
function inWorkplace(body: (place: Workplace) => Promise<void>): Promise<void> {
  return inCluster({ servers: 1 }, async (cluster, folder) => {
    const cwd = path.join(folder, 'work');
    mkdirSync(path.join(cwd, 'records'), { recursive: true });
    mkdirSync(path.join(cwd, 'images'));
    writeFileSync(path.join(cwd, 'images', 'small.png'), secret);
    writeFileSync(path.join(cwd, 'records', 'machine_1_requests.ndjson'), lines([request(1, 0)]));
    writeFileSync(path.join(cwd, 'server_1_events.ndjson'), lines([executed(5, 1, 1)]));
    const server = ['--server', cluster.addresses[0]!];
    const run = (...args: string[]) => runProgram(args, { cwd, timeoutMs: MINUTE_MS });
    expect(await run('client', 'hide', SMALL, '--out', 'carrier.png', ...server)).toMatchObject({ code: 0 });
    expect(await run('report', '--metrics', 'records', '--out', 'old/final_report.json')).toMatchObject({ code: 0 });
    const send = ['--requests', '2', '--min-delay-ms', '0', '--max-delay-ms', '0', '--image-dir', 'images', ...server];
    await body({
      cwd,
      run,
      at: (...names) => path.join(cwd, ...names),
      commands: {
        hide: { args: ['client', 'hide', SMALL, ...server, '--out'], name: 'c.png', isRight: isPng },
        reveal: { args: ['client', 'reveal', 'carrier.png', '--out'], name: 's.png', isRight: (c) => c.equals(secret) },
        metrics: { args: ['client', ...send, '--metrics-output'], name: 'm.json', isRight: isJson },
        report: { args: ['report', '--metrics', 'records', '--out'], name: 'r.json', isRight: isJson },
        comparison: { args: ['report', '--compare', 'old', 'old', '--out'], name: 'd.json', isRight: isJson },
      },
    });
  });
}

testWithDevices(
  'a device named as output stays one, and nothing appears beside it',
  async () => {
    await inWorkplace(async ({ at, run, commands }) => {
      for (const [what, { args, name }] of Object.entries(commands)) {
        mkdirSync(at(what));
        const device = makeNullDevice(at(what, name));
        symlinkSync(device, at(`${what}-${name}`));
        for (const file of [device, at(`${what}-${name}`)]) {
          expect(await run(...args, file)).toMatchObject({ code: 0, stderr: '' });
        }
        expect({ what, isDevice: isNullDevice(device), there: readdirSync(at(what)) }).toEqual({
          what,
          isDevice: true,
          there: [name],
        });
        expect(readlinkSync(at(`${what}-${name}`))).toBe(device);
      }
    });
  },
  120_000,
);

test('a FIFO, a link, a dangling link: the content gets there, and they stay', async () => {
  await inWorkplace(async ({ at, run, commands }) => {
    for (const [what, { args, name, isRight }] of Object.entries(commands)) {
      mkdirSync(at(what, 'real'), { recursive: true });
      const fifo = makeFifo(at(what, name));
      const [ended, received] = await Promise.all([run(...args, fifo), readFifo(fifo)]);
      expect({ what, code: ended.code, isRight: isRight(received) }).toEqual({ what, code: 0, isRight: true });
      expect(lstatSync(fifo).isFIFO()).toBe(true);

      const [old, link, dangling] = ['old', `link-${name}`, `dangling-${name}`].map((each) => at(what, each));
      writeFileSync(at(what, 'real', 'old'), 'old');
      chmodSync(at(what, 'real', 'old'), 0o640);
      symlinkSync('real/old', link!);
      symlinkSync('real/new', dangling!);
      for (const file of [link!, dangling!]) expect(await run(...args, file)).toMatchObject({ code: 0 });
      for (const real of ['old', 'new']) expect(isRight(readFileSync(at(what, 'real', real)))).toBe(true);
      expect([link!, dangling!].map((file) => lstatSync(file).isSymbolicLink())).toEqual([true, true]);
      expect(statSync(at(what, 'real', 'old')).mode & 0o777).toBe(0o640);
      expect({ what, there: readdirSync(at(what, 'real')) }).toEqual({ what, there: ['new', 'old'] });
      expect(existsSync(old!)).toBe(false);
    }
  });
}, 120_000);

test('a carrier, a secret and client metrics on standard output: only data; messages on stderr', async () => {
  await inWorkplace(async ({ cwd, at, commands }) => {
    const sh = (script: string, args: string[]) =>
      runProgram(['-c', script, 'sh', PROGRAM, ...args], { cwd, program: '/bin/sh', timeoutMs: MINUTE_MS });
    symlinkSync('/dev/stdout', at('to-stdout'));
    for (const what of ['hide', 'reveal', 'metrics'] as const) {
      const { args, isRight } = commands[what]!;
      for (const out of what === 'metrics' ? ['/dev/stdout', 'to-stdout'] : ['-', '/dev/stdout', 'to-stdout']) {
        for (const script of ['"$@" > got', '"$@" | cat > got', 'echo head > got; "$@" >> got']) {
          const { code, stdout, stderr } = await sh(script, [...args, out]);
          expect({ what, out, code, stdout, hasWords: stderr !== '' }).toEqual({
            what,
            out,
            code: 0,
            stdout: '',
            hasWords: what !== 'reveal',
          });
          const got = readFileSync(at('got'));
          const head = Buffer.from(script.startsWith('echo') ? 'head\n' : '');
          expect(got.subarray(0, head.length).equals(head)).toBe(true);
          expect(isRight(got.subarray(head.length))).toBe(true);
        }
      }
      // Node's pipes are sockets.
      const { chunks, code } = await rawOutput([...args, '/dev/stdout'], cwd);
      expect({ what, code, isRight: isRight(chunks) }).toEqual({ what, code: 0, isRight: true });
    }
    expect(readlinkSync(at('to-stdout'))).toBe('/dev/stdout');
    expect(existsSync(at('to-stdout.log'))).toBe(false);
  });
}, 180_000);

/** Makes `carrier.png` in the folder. */
function withCarrier(secretFile: string, folder: string): Promise<void> {
  return inCluster({ servers: 1 }, async (cluster) => {
    const args = ['client', 'hide', secretFile, '--server', cluster.addresses[0]!, '--out', 'carrier.png'];
    expect(await runProgram(args, { cwd: folder, timeoutMs: MINUTE_MS })).toMatchObject({ code: 0 });
  });
}

function rawOutput(args: readonly string[], cwd: string): Promise<{ chunks: Buffer; code: number | null }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const child = spawn(PROGRAM, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'], timeout: MINUTE_MS });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject).once('close', (code) => resolve({ chunks: Buffer.concat(chunks), code }));
  });
}

test('data on standard output: a reader that quits ends it quietly, a full disk does not', async () => {
  await inFolder(async (cwd) => {
    const secretFile = path.join(__dirname, '../../test_images/large.png');
    await withCarrier(secretFile, cwd);
    const sh = (script: string) => {
      const args = ['-c', script, 'sh', PROGRAM, 'client', 'reveal', 'carrier.png'];
      return runProgram(args, { cwd, program: '/bin/sh', timeoutMs: MINUTE_MS });
    };
    expect(await sh('{ "$@"; echo $? >code; } | head -c 4 >/dev/null')).toMatchObject({ stderr: '' });
    expect(readFileSync(path.join(cwd, 'code'), 'utf8')).toBe('0\n');
    const { code, stderr } = await sh('"$@" >/dev/full');
    expect(code).toBe(4);
    expect(stderr).toBe('Error: cannot write to standard output: no space left on the device\n');
  });
}, 60_000);

test('a folder as output, or the input by another name: reported before anything is sent', async () => {
  await inWorkplace(async ({ cwd, at, run, commands }) => {
    symlinkSync('images/small.png', at('same.png'));
    expect(await run(...commands['hide']!.args.with(2, 'images/small.png'), 'same.png')).toMatchObject({
      code: 2,
      stderr: 'Error: same.png is the image itself and would be overwritten\n',
    });
    expect(readFileSync(at('images', 'small.png')).equals(secret)).toBe(true);
    for (const [what, { args }] of Object.entries(commands)) {
      const folder = ['report', 'comparison'].includes(what) ? 'folder.json' : 'folder';
      mkdirSync(at(folder), { recursive: true });
      const { code, stderr } = await run(...args, folder);
      expect({ what, code, stderr }).toEqual({
        what,
        code: 2,
        stderr: `Error: cannot write ${folder}: is a folder, expected a file\n`,
      });
      expect(readdirSync(at(folder))).toEqual([]);
    }
    expect(readdirSync(cwd).filter((name) => name.includes('tmp'))).toEqual([]);
  });
}, 90_000);

test('several outputs in one file: the same format is written once, two formats are refused', async () => {
  await inWorkplace(async ({ at, run }) => {
    const twice = await run('report', '--metrics', 'records', '--out', 'r.json', '--out', './r.json');
    expect(twice).toMatchObject({ code: 0, stderr: '' });
    symlinkSync('r.json', at('r.txt'));
    const before = readFileSync(at('r.json'), 'utf8');
    expect(await run('report', '--metrics', 'records', '--out', 'r.json', '--out', 'r.txt')).toMatchObject({
      code: 2,
      stderr: 'Error: cannot write r.txt: r.json and r.txt are the same file\n',
    });
    expect(readFileSync(at('r.json'), 'utf8')).toBe(before);
  });
}, 90_000);

testWithDevices(
  'files of init: devices and links stay',
  async () => {
    await inFolder(async (folder) => {
      const at = (...names: string[]): string => path.join(folder, ...names);
      mkdirSync(at('config'));
      makeNullDevice(at('config', 'server1.toml'));
      symlinkSync('../mine.toml', at('config', 'server2.toml'));
      const ended = await runProgram(['init', '--force'], { cwd: folder, timeoutMs: MINUTE_MS });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(isNullDevice(at('config', 'server1.toml'))).toBe(true);
      expect(readFileSync(at('mine.toml'), 'utf8')).toContain('id = 2');
    });
  },
  30_000,
);

testWithDevices(
  'files of the server: devices stay, a link to its pid file too',
  async () => {
    await inFolder(async (folder) => {
      const at = (name: string): string => path.join(folder, name);
      const address = `127.0.0.1:${(await freePorts(1))[0]}`;
      for (const pidFile of [makeNullDevice(at('null')), at('link')]) {
        const files = {
          events_file: makeNullDevice(at(`${path.basename(pidFile)}.ndjson`)),
          log_file: at('null'),
          pid_file: pidFile,
        };
        const settings = Object.entries({ ...files, address }).map(([key, value]) => `${key} = "${value}"\n`);
        writeFileSync(at('server.toml'), `[server]\nid = 1\n${settings.join('')}[peers]\npeers = []\n`);
        if (pidFile === at('link')) symlinkSync('real.pid', pidFile);
        const server = startProgram(['server', '--config', 'server.toml'], { cwd: folder });
        const status = ['status', '--server', address, '--wait', '20'];
        expect(await runProgram(status, { cwd: folder, timeoutMs: MINUTE_MS })).toMatchObject({ code: 0 });
        expect(existsSync(at('real.pid'))).toBe(pidFile === at('link'));
        server.child.kill('SIGTERM');
        const { code, stderr } = await server.ended;
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      }
      expect(readdirSync(folder).sort()).toEqual(['link', 'link.ndjson', 'null', 'null.ndjson', 'server.toml']);
      expect(['null', 'null.ndjson', 'link.ndjson'].map((name) => isNullDevice(at(name)))).toEqual([true, true, true]);
    });
  },
  60_000,
);

testWithDevices(
  'a device as the log of faults: no events beside it',
  async () => {
    await inFolder(async (folder) => {
      const at = (...names: string[]): string => path.join(folder, ...names);
      mkdirSync(at('logs'));
      const device = makeNullDevice(at('logs', 'null.log'));
      const run = (...args: string[]) => runProgram(args, { cwd: folder, timeoutMs: MINUTE_MS });
      expect(await run('init')).toMatchObject({ code: 0 });
      // No server runs, which is logged, too.
      const { code, stderr } = await run('faults', '--log', 'logs/null.log', '--cycles', '1');
      expect({ code, isSaid: stderr.includes('Server 1 on localhost: it is not running') }).toEqual({
        code: 4,
        isSaid: true,
      });
      expect(readdirSync(at('logs'))).toEqual(['null.log']);
      expect(isNullDevice(device)).toBe(true);
    });
  },
  60_000,
);

testWithDevices(
  'files of stress: devices and links stay where they are',
  async () => {
    await inWorkplace(async ({ at, run, commands }) => {
      const requests = makeNullDevice((mkdirSync(at('stress')), at('stress', 'machine_1_requests.ndjson')));
      symlinkSync('../numbers.json', at('stress', 'machine_1_client_1.json'));
      const load = commands['metrics']!.args.slice(1, -1);
      const ended = await run('stress', '--clients', '2', '--metrics-dir', 'stress', ...load);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).not.toContain('Moved');
      expect(isNullDevice(requests)).toBe(true);
      expect(readlinkSync(at('stress', 'machine_1_client_1.json'))).toBe('../numbers.json');
      expect(JSON.parse(readFileSync(at('numbers.json'), 'utf8'))).toMatchObject({ client_id: 1 });
    });
  },
  60_000,
);

test('nothing can be made below /proc: reported at once', async () => {
  await inFolder(async (cwd) => {
    const args = [
      ['init', '/proc/x'],
      ['run', '--out', '/proc/x', '--servers', '1'],
      ['run', '--out', '/proc/x/y', '--servers', '1'],
      ['client', '--server', '127.0.0.1:1', '--metrics-output', '/proc/x/y'],
    ];
    for (const each of args) {
      const { code, signal, stderr } = await runProgram(each, { cwd, timeoutMs: 10_000 });
      expect({ each, code, signal }).toEqual({ each, code: 2, signal: null });
      expect(stderr).toMatch(
        /^Error: cannot (write|make the folder) \/proc\/x[^\n]*: [^\n]*(does not allow new)[^\n]*\n$/,
      );
    }
  });
}, 60_000);

testWithMounts(
  'a read-only file system is called one',
  async () => {
    await inFolder(async (cwd) => {
      mkdirSync(path.join(cwd, 'ro', 'there'), { recursive: true });
      const send = ['client', '--server', '127.0.0.1:1', '--metrics-output'];
      const args = [
        ...[
          ['init', 'ro/x'],
          ['init', 'ro'],
          ['run', '--servers', '1', '--out', 'ro/a/b'],
        ],
        ...[
          ['run', '--servers', '1', '--out', 'ro/a'],
          [...send, 'ro/x/y.json'],
          [...send, 'ro/there/y.json'],
        ],
      ];
      for (const each of args) {
        const [program, all] = readOnly(path.join(cwd, 'ro'), PROGRAM, each);
        const { code, stderr } = await runProgram(all, { cwd, program, timeoutMs: 20_000 });
        expect({ each, code }).toEqual({ each, code: 2 });
        expect(stderr).toMatch(/^Error: cannot (write|make the folder) ro\/[^\n]*: the file system is read-only\n$/);
      }
    });
  },
  60_000,
);

/** Starts a server in a folder where its pid file does not fit. */
async function expectNoPidFile(start: (server: readonly string[], folder: string) => [string, string[]]) {
  await inFolder(async (cwd) => {
    const address = `127.0.0.1:${(await freePorts(1))[0]}`;
    const toml = `[server]\nid = 1\naddress = "${address}"\nevents_file = "../events.ndjson"\n[peers]\npeers = []\n`;
    writeFileSync(path.join(cwd, 'server.toml'), toml);
    const folder = path.join(cwd, 's1');
    mkdirSync(folder);
    const [program, args] = start([PROGRAM, 'server', '--config', '../server.toml'], folder);
    const { code, signal, stdout, stderr } = await runProgram(args, { cwd: folder, program, timeoutMs: 10_000 });
    expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' });
    expect(stderr).toMatch(
      /Error: \.\.\/server\.toml: server\.pid_file: cannot write server_1\.pid: (no space|the file exceeds)[^\n]+\n/,
    );
    expect(`${stderr} ${readdirSync(folder).join(' ')}`).not.toMatch(/server_1\.pid(\s|$)|\.tmp/);
  });
}

test('no room for the pid file under a file size limit: the server does not join', async () => {
  await expectNoPidFile((server) => ['/bin/sh', ['-c', 'ulimit -f 0; exec "$@"', 'sh', ...server]]);
}, 30_000);

testWithMounts(
  'no room for the pid file on a full disk: the server does not join',
  async () => {
    const fill = 'dd if=/dev/zero of=fill bs=1k 2>/dev/null || :';
    await expectNoPidFile((server, folder) => onSmallDisk(folder, 16, fill, server));
  },
  30_000,
);

test('a second server with the same configuration does not take the pid file of the first', async () => {
  await inCluster({ servers: 1 }, async (cluster) => {
    const pidFile = path.join(cluster.folder(1), 'server_1.pid');
    const before = readFileSync(pidFile, 'utf8');
    const { code, stderr } = await runProgram(['server', '--config', 'server.toml'], {
      cwd: cluster.folder(1),
      timeoutMs: MINUTE_MS,
    });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('belongs to') as string });
    expect(readFileSync(pidFile, 'utf8')).toBe(before);
    expect(readdirSync(cluster.folder(1)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
}, 60_000);

testWithMounts(
  'the report of a run cut short by a full disk says so, exit 4',
  async () => {
    await inWorkplace(async ({ cwd, at, run, commands }) => {
      mkdirSync(at('disk'));
      const server = commands['hide']!.args.slice(3, 5);
      const load = ['--clients', '5', '--metrics-dir', 'cut', '--duration', '300', '--rate', '200', ...server];
      const keep = '"$0" "$@"; code=$?; cp -r cut ../cut; exit $code';
      const stress = ['sh', '-c', keep, PROGRAM, 'stress', ...load, '--image-dir', '../images'];
      // Eight pages for the files with which every run begins, the others for records.
      const [program, args] = onSmallDisk(at('disk'), 64, ':', stress);
      expect(await runProgram(args, { cwd, program, timeoutMs: MINUTE_MS })).toMatchObject({ code: 4 });
      expect(readdirSync(at('cut')).filter((name) => /client_\d+\.json$|tmp$/.test(name))).toEqual([]);
      const { code, stdout } = await run('report', '--metrics', 'cut', '--events', '../s1', '--json');
      const { self_check, inputs } = JSON.parse(stdout) as Report;
      expect({ code, missing: inputs.missing }).toEqual({
        code: 4,
        missing: [expect.stringMatching(/^machine 1: the summaries of 5 of its 5 clients: /)],
      });
      expect(self_check.join('\n')).toContain(
        '5 of the 5 clients of machine 1 have no summary: their run was cut short',
      );
      const told = await run('report', '--metrics', 'cut');
      expect(told.stdout).toMatch(/^Incomplete: machine 1: the summaries of 5 of its 5 clients: [^\n]+$/m);
    });
  },
  90_000,
);
