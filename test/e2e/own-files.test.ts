/** Files that one command would both read and write, or write twice, are refused before anything is done. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { lines, request } from '../report/lab';
import { freePorts } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { inFolder, PROGRAM, runProgram, startProgram } from '../support/program';

const SMALL = path.join(__dirname, '../../test_images/small.png');
const MINUTE_MS = 60_000;

/** All files below a folder, with their contents. */
function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = names.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(files.map((file) => [path.relative(folder, file), readFileSync(file, 'latin1')]));
}

/** Runs `body` in a folder with a server's configuration `s.toml`, with these lines of [server] and more. */
async function inServerFolder(
  settings: string,
  more: string,
  body: (cwd: string, address: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (cwd) => {
    const address = `127.0.0.1:${(await freePorts(1))[0]}`;
    const toml = `[server]\nid = 1\naddress = "${address}"\n${settings}\n[peers]\npeers = []\n${more}`;
    writeFileSync(path.join(cwd, 's.toml'), toml);
    for (const name of ['one.pem', 'two.pem', 'three.pem']) writeFileSync(path.join(cwd, name), `${name}\n`);
    writeFileSync(path.join(cwd, 'cover.png'), readFileSync(SMALL));
    await body(cwd, address);
  });
}

const TLS = '[tls]\nca = "one.pem"\ncert = "two.pem"\nkey = "three.pem"\n';

describe('a server', () => {
  test.each([
    ['pid_file', 's.toml', 'this configuration'],
    ['pid_file', 'link.toml', 'this configuration'],
    ['events_file', './s.toml', 'this configuration'],
    ['log_file', 'hard.toml', 'this configuration'],
    ['pid_file', 'server_{id}_events.ndjson', 'server.events_file'],
    ['events_file', 'server_1.pid', 'server.pid_file'],
    ['log_file', '../$/server_1_events.ndjson', 'server.events_file'],
    ['pid_file', 'cover.png', 'server.cover_image'],
    ['log_file', 'one.pem', 'tls.ca'],
    ['events_file', 'two.pem', 'tls.cert'],
    ['pid_file', 'three.pem', 'tls.key'],
  ])(
    'whose %s is %s does not start: it is %s too',
    async (key, file, other) => {
      await inServerFolder(`${key} = "@"\ncover_image = "cover.png"`, TLS, async (cwd) => {
        const place = file.replace('$', path.basename(cwd));
        const toml = readFileSync(path.join(cwd, 's.toml'), 'utf8').replace('@', place);
        writeFileSync(path.join(cwd, 's.toml'), toml);
        symlinkSync('s.toml', path.join(cwd, 'link.toml'));
        linkSync(path.join(cwd, 's.toml'), path.join(cwd, 'hard.toml'));
        const before = contentsOf(cwd);
        const { code, stderr } = await runProgram(['server', '--config', 's.toml'], { cwd, timeoutMs: 20_000 });
        // The first of two output files is blamed.
        const names = [`server.${key}`, other];
        expect({ code, isNamed: names.every((name) => stderr.includes(name)), lines: stderr.match(/\n/g) }).toEqual({
          code: 2,
          isNamed: true,
          lines: ['\n'],
        });
        expect(stderr).toMatch(/^Error: s\.toml: server\.\w+: expected a file of its own, got /);
        expect(contentsOf(cwd)).toEqual(before);
      });
    },
    30_000,
  );

  test('whose two files are the same in a folder that does not exist yet does not start either', async () => {
    await inServerFolder('events_file = "new/x"\nlog_file = "new/../new/x"', '', async (cwd) => {
      const ended = await runProgram(['server', '--config', 's.toml'], { cwd, timeoutMs: 20_000 });
      expect(ended).toMatchObject({
        code: 2,
        stderr:
          'Error: s.toml: server.events_file: expected a file of its own, got new/x, which is server.log_file too\n',
      });
      expect(existsSync(path.join(cwd, 'new'))).toBe(false);
    });
  }, 30_000);

  test.each(['a diary\n', '{"name":"pid"}', '[1]', 'x'.repeat(100_000)])(
    'does not accept %.12j as a pid file',
    async (text) => {
      await inServerFolder('pid_file = "notes"', '', async (cwd) => {
        writeFileSync(path.join(cwd, 'notes'), text);
        const ended = await runProgram(['server', '--config', 's.toml'], { cwd, timeoutMs: 20_000 });
        const why = 'cannot write notes: is there and is no pid file, it would be overwritten';
        expect(ended).toMatchObject({ code: 2, stderr: `Error: s.toml: server.pid_file: ${why}\n` });
        expect(readFileSync(path.join(cwd, 'notes'), 'utf8')).toBe(text);
      });
    },
    30_000,
  );

  test.each(['', '{"pid":4194305,"start_time":1}\n', '4194305\n'])(
    'replaces the pid file %j of a killed server',
    async (text) => {
      await inServerFolder('', '', async (cwd, address) => {
        writeFileSync(path.join(cwd, 'server_1.pid'), text);
        const server = startProgram(['server', '--config', 's.toml'], { cwd });
        const status = ['status', '--server', address, '--wait', '20'];
        expect(await runProgram(status, { cwd, timeoutMs: MINUTE_MS })).toMatchObject({ code: 0 });
        expect(JSON.parse(readFileSync(path.join(cwd, 'server_1.pid'), 'utf8'))).toMatchObject({
          pid: server.child.pid,
        });
        server.child.kill('SIGTERM');
        expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
      });
    },
    60_000,
  );

  test.each(['log_file', 'events_file', 'pid_file'])('whose %s is "-" says that this is no file', async (key) => {
    await inServerFolder(`${key} = "-"`, '', async (cwd) => {
      const { code, stderr } = await runProgram(['server', '--config', 's.toml'], { cwd, timeoutMs: 20_000 });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `Error: s.toml: server.${key}: expected a path ("-" is none; a file of that name is "./-"), got "-"\n`,
      });
      expect(existsSync(path.join(cwd, '-'))).toBe(false);
    });
  });
});

/** Expects a refusal in a folder with a client's configuration, images and two runs; nothing may change. */
async function expectRefused(args: readonly string[], message: string): Promise<void> {
  await inFolder(async (cwd) => {
    const at = (...names: string[]): string => path.join(cwd, ...names);
    for (const name of ['images', 'metrics', 'old']) mkdirSync(at(name));
    writeFileSync(at('images', 'small.png'), readFileSync(SMALL));
    writeFileSync(at('c.toml'), '[client]\nserver_addresses = ["127.0.0.1:9"]\n');
    writeFileSync(at('c.json'), '[client]\nserver_addresses = ["127.0.0.1:9"]\n');
    writeFileSync(at('report.json'), '[report]\n');
    writeFileSync(at('metrics', 'machine_1_requests.ndjson'), lines([request(1, 0)]));
    writeFileSync(at('metrics', 'machine_1_client_1.json'), '{}');
    symlinkSync('machine_1_client_1.json', at('metrics', 'link.json'));
    writeFileSync(at('old', 'final_report.json'), '{}');
    const before = contentsOf(cwd);
    const { code, stderr } = await runProgram(args, { cwd, timeoutMs: 20_000 });
    expect({ code, stderr }).toEqual({ code: 2, stderr: `Error: ${message} itself and would be overwritten\n` });
    expect(contentsOf(cwd)).toEqual(before);
  });
}

const REPORT = ['report', '--metrics', 'metrics', '--out'];
const CLIENT = ['client', '--image-dir', 'images', '--requests', '1', '--metrics-output'];
const HIDE = ['client', 'hide', 'images/small.png', '--config', 'c.toml', '--out'];

test.each([
  [[...REPORT, 'metrics/machine_1_client_1.json'], 'an input of this report (metrics/machine_1_client_1.json)'],
  [[...REPORT, 'metrics/link.json'], 'an input of this report (metrics/machine_1_client_1.json)'],
  [[...REPORT, 'report.json', '--config', 'report.json'], 'the configuration'],
  [[...REPORT, 'old/final_report.json', '--faults', 'old/final_report.json'], 'an input of this report ($)'],
  [[...REPORT, 'old/final_report.json', '--events', 'old/final_report.json'], 'an input of this report ($)'],
  [['report', '--compare', 'old', 'old', '--out', 'old/final_report.json'], 'a report to compare (old)'],
  [[...HIDE, 'c.toml'], 'the configuration'],
  [[...HIDE, './images/small.png'], 'the image'],
  [['client', 'reveal', 'images/small.png', '--out', 'images/small.png'], 'the carrier'],
  [[...CLIENT, 'c.json', '--config', 'c.json'], 'the configuration'],
  [[...CLIENT, 'images/small.png', '--config', 'c.toml'], 'an image to send (small.png)'],
])(
  'input files are kept: cloudp2p %j',
  async (args, name) => {
    const out = args[args.findIndex((word) => ['--out', '--metrics-output'].includes(word)) + 1]!;
    await expectRefused(args, `${out} is ${name.replace('$', out)}`);
  },
  30_000,
);

test('reveal does not write into its carrier through standard output', async () => {
  await inCluster({ servers: 1 }, async (cluster, cwd) => {
    const carrier = path.join(cwd, 'c.png');
    const hide = ['client', 'hide', SMALL, '--out', carrier, '--server', cluster.address(1)];
    expect(await runProgram(hide, { cwd, timeoutMs: 20_000 })).toMatchObject({ code: 0 });
    const before = readFileSync(carrier);
    const script = '"$0" client reveal c.png --out - >> c.png';
    const child = spawnSync('sh', ['-c', script, PROGRAM], { cwd, encoding: 'utf8', timeout: MINUTE_MS });
    expect(child.status).toBe(2);
    expect(child.stderr).toContain('is the carrier itself and would be overwritten');
    expect(readFileSync(carrier)).toEqual(before);
  });
});

test('report --compare refuses a FIFO, on which it could block forever', async () => {
  await inFolder(async (cwd) => {
    spawnSync('mkfifo', [path.join(cwd, 'f')]);
    const { code, stderr } = await runProgram(['report', '--compare', 'f', 'f'], { cwd, timeoutMs: 20_000 });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'Error: --compare: f: cannot be read: is not a regular file\n',
    });
  });
});

test('hide does not replace the running program', async () => {
  await inFolder(async (cwd) => {
    const program = path.join(cwd, 'cloudp2p');
    linkSync(PROGRAM, program);
    const args = ['client', 'hide', SMALL, '--out', program, '--server', '127.0.0.1:9'];
    const child = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: MINUTE_MS });
    expect(child.status).toBe(2);
    expect(child.stderr).toContain('is the program that is running');
  });
});

/** Two servers as `faults` knows them, the second with every possible file, in a folder that the first does not use. */
async function inFaultsFolder(body: (cwd: string) => Promise<void>): Promise<void> {
  await inFolder(async (cwd) => {
    const write = (name: string, text: string): void => writeFileSync(path.join(cwd, name), text);
    for (const name of ['config', 'two']) mkdirSync(path.join(cwd, name));
    const server = (id: number): string => `[server]\nid = ${id}\naddress = "127.0.0.1:${id}"\n`;
    write('config/server1.toml', server(1));
    write('two/s.toml', `${server(2)}log_file = "s{id}.txt"\ncover_image = "cover.png"\n${TLS}`);
    for (const name of ['one.pem', 'two.pem', 'three.pem', 'cover.png', 'program']) {
      write(name, name);
      write(`two/${name}`, `two/${name}`);
    }
    chmodSync(path.join(cwd, 'two/program'), 0o755);
    const two = '[[servers]]\nid = 2\nconfig = "s.toml"\nwork_dir = "two"\nbinary = "program"\n';
    write('f.toml', `${TLS}[[servers]]\nid = 1\n${two}`);
    linkSync(path.join(cwd, 'two/cover.png'), path.join(cwd, 'hard.log'));
    symlinkSync('two/server_2_events.ndjson', path.join(cwd, 'link.log'));
    symlinkSync('round.ndjson', path.join(cwd, 'round.log'));
    await body(cwd);
  });
}

const EVENTS = 'the events file beside it, ';

test.each([
  ['server_1_events.log', 'server.events_file of server 1', `${EVENTS}server_1_events.ndjson`],
  ['two/server_2_events.log', 'server.events_file of server 2', `${EVENTS}two/server_2_events.ndjson`],
  ['link.log', 'server.events_file of server 2'],
  ['hard.log', 'server.cover_image of server 2'],
  ['server_1.pid', 'server.pid_file of server 1'],
  ['two/server_2.pid', 'server.pid_file of server 2'],
  ['server_1.pid.faults.lock', 'the lock of server 1'],
  ['server_1.log', 'the output of server 1'],
  ['two/s2.txt', 'server.log_file of server 2'],
  ['two/../two/s.toml', 'the configuration of server 2'],
  ['config/server1.toml', 'the configuration of server 1'],
  ['two/one.pem', 'tls.ca of server 2'],
  ['two/two.pem', 'tls.cert of server 2'],
  ['two/three.pem', 'tls.key of server 2'],
  ['two/program', 'the program of server 2'],
  ['./one.pem', 'tls.ca'],
  ['two.pem', 'tls.cert'],
  ['three.pem', 'tls.key'],
  ['f.toml', 'this configuration'],
  ['round.log', 'the events file'],
  ['fault_probe.log', 'the file of the probe', `${EVENTS}fault_probe.ndjson`],
])(
  'faults --log %s is refused: it would overwrite %s',
  async (log, name, got = log) => {
    await inFaultsFolder(async (cwd) => {
      const before = contentsOf(cwd);
      const args = ['faults', '--config', 'f.toml', '--log', log, '--abort-when', 'failure_rate>50%'];
      const refused = {
        code: 2,
        stderr: `Error: --log: expected files of its own, got ${got}, which is ${name} too\n`,
      };
      for (const more of [[], ['--dry-run']]) {
        expect(await runProgram([...args, ...more], { cwd, timeoutMs: 20_000 })).toMatchObject(refused);
        expect(contentsOf(cwd)).toEqual(before);
      }
    });
  },
  60_000,
);

test('faults without a server list protects the files of config/server*.toml, and takes a log of its own', async () => {
  await inFaultsFolder(async (cwd) => {
    const run = (log: string) => runProgram(['faults', '--dry-run', '--log', log], { cwd, timeoutMs: 20_000 });
    const which = 'server_1_events.ndjson, which is server.events_file of server 1 too';
    expect(await run('server_1_events.log')).toMatchObject({
      code: 2,
      stderr: `Error: --log: expected files of its own, got ${EVENTS}${which}\n`,
    });
    expect(await run('fault_probe.log')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('server_2.pid')).toMatchObject({ code: 0, stderr: '' });
  });
}, 60_000);
