import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type FaultsFlags, faultsConfigOf, faultsFileSchema } from '../../src/config/faults-config';
import { defaultsOf, parseConfig } from '../../src/config/load';
import { configErrorLines, useTempFolder } from './helpers';

const ROOT = process.cwd();
const SHIPPED = readFileSync('config/faults.toml', 'utf8');
const temp = useTempFolder();
const OWN = ['/opt/cloudp2p'];
let count = 0;

/** Each test in an empty folder of its own: the defaults depend on what stands there. */
beforeEach(() => {
  const here = path.join(temp.folder, String(++count));
  mkdirSync(path.join(here, 'config'), { recursive: true });
  process.chdir(here);
});
afterAll(() => process.chdir(ROOT));

function server(id: number, file = `config/server${id}.toml`, more = ''): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `[server]\nid = ${id}\naddress = "127.0.0.1:${8000 + id}"\n${more}`);
}

function faults(toml: string): void {
  writeFileSync('config/faults.toml', toml);
}

const load = (flags: FaultsFlags = {}) => faultsConfigOf(flags, OWN);
const linesOf = (flags: FaultsFlags = {}) => configErrorLines(() => load(flags));

describe('without a file', () => {
  it('the servers are those of config/server*.toml, by id, and all else is at its default', () => {
    for (const id of [10, 2]) server(id);
    server(1, 'config/server_first.toml');
    writeFileSync('config/other.toml', 'not for us');
    const { servers, ...rest } = load();
    expect(rest).toEqual({
      ...{ intervalMs: 30_000, restartDelayMs: 10_000, cycles: 3 },
      ...{ logFile: './fault_events.log', eventsFile: 'fault_events.ndjson' },
      logSource: 'config/faults.toml: faults.log_file',
    });
    expect(servers.map(({ id }) => id)).toEqual([1, 2, 10]);
    expect(servers[0]).toEqual({
      ...{ id: 1, host: 'localhost', config: 'config/server_first.toml', workDir: '.' },
      ...{ binary: '/opt/cloudp2p', command: OWN, pidFile: path.resolve('server_1.pid') },
      address: { host: '127.0.0.1', port: 8001 },
    });
  });

  it('and without servers: an error that says what would do', () => {
    const text = 'expected [[servers]] there or config/server*.toml here, found neither (cloudp2p init writes both)';
    expect(linesOf()).toEqual([`config/faults.toml: servers: ${text}`]);
  });

  it('the same id in two files', () => {
    server(1);
    server(1, 'config/server2.toml');
    expect(linesOf()).toEqual([
      'config/server2.toml: server.id: expected each id once, got 1 again (first in config/server1.toml)',
    ]);
  });

  it('a file of a server that is wrong', () => {
    writeFileSync('config/server1.toml', 'x = 1');
    expect(linesOf()[0]).toMatch(/^config\/server1.toml: x: unknown key/);
  });
});

describe('a file', () => {
  it('sets times, files and servers', () => {
    server(7, 'lab/config/server7.toml');
    server(3, 'lab/three.toml', 'pid_file = "run/s{id}.pid"');
    writeFileSync('lab/program', '');
    chmodSync('lab/program', 0o755);
    faults(`
      [faults]
      fault_interval_secs = 0.25
      restart_delay_secs = 0
      num_cycles = 1
      log_file = "logs/f.txt"
      [[servers]]
      id = 7
      work_dir = "lab"
      [[servers]]
      id = 3
      host = "localhost"
      config = "three.toml"
      work_dir = "lab"
      binary = "./program"`);
    const { servers, ...rest } = load();
    expect(rest).toMatchObject({ intervalMs: 250, restartDelayMs: 0, cycles: 1 });
    expect(rest).toMatchObject({ logFile: 'logs/f.txt', eventsFile: 'logs/f.ndjson' });
    expect(servers).toMatchObject([
      { id: 7, config: 'config/server7.toml', workDir: 'lab', command: OWN, pidFile: path.resolve('lab/server_7.pid') },
      { id: 3, config: 'three.toml', binary: './program', pidFile: path.resolve('lab/run/s3.pid') },
    ]);
    expect(servers[1]!.command).toEqual([path.resolve('lab/program')]);
  });

  it('without servers means those of config/server*.toml', () => {
    server(1);
    faults('[faults]\nnum_cycles = 9');
    expect(load()).toMatchObject({ cycles: 9, servers: [{ id: 1 }] });
  });

  it.each([
    ['0.0.0.0:8001', { host: '127.0.0.1', port: 8001 }],
    ['[::]:8001', { host: '::1', port: 8001 }],
    ['lab.example.com:8001', { host: 'lab.example.com', port: 8001 }],
  ])('a server that listens on %s is reached', (address, expected) => {
    writeFileSync('config/server1.toml', `[server]\nid = 1\naddress = "${address}"`);
    expect(load().servers[0]!.address).toEqual(expected);
  });

  it('that was named must be there', () => {
    server(1);
    expect(linesOf({ config: 'none.toml' })).toEqual(['none.toml: no such file']);
  });

  const ONE = '[[servers]]\nid = 1\n';
  it.each([
    ['servers = []', 'servers: expected at least one server, got an empty list'],
    [ONE + ONE, 'servers[1].id: expected each id once, got 1 again (first at servers[0].id)'],
    [
      `${ONE}host = "me@server1.example.com"`,
      'servers[0].host: expected "localhost", got "me@server1.example.com": hosts over SSH come with another version',
    ],
    [`${ONE}work_dir = "no/where"`, 'servers[0].work_dir: expected an existing folder, got "no/where"'],
    [
      `${ONE}work_dir = "config/server1.toml"`,
      'servers[0].work_dir: expected an existing folder, got "config/server1.toml"',
    ],
    [
      '[[servers]]\nid = 5',
      'servers[0].config: expected the configuration of server 5, got "config/server5.toml", which does not exist',
    ],
    [
      `[[servers]]\nid = 5\nconfig = "config/server1.toml"`,
      'servers[0].id: expected 1, the id in config/server1.toml, got 5',
    ],
    [`${ONE}binary = "./none"`, 'servers[0].binary: expected a program, got "./none", which cannot be run'],
    [
      `${ONE}binary = "config/server1.toml"`,
      'servers[0].binary: expected a program, got "config/server1.toml", which cannot be run',
    ],
    [`${ONE}binary = "config"`, 'servers[0].binary: expected a program, got "config", which cannot be run'],
    ['[[servers]]\nhost = "localhost"', 'servers[0].id: missing: expected a whole number from 1 to 4294967295'],
    [`${ONE}workdir = "."`, 'servers[0].workdir: unknown key, did you mean "servers[0].work_dir"?'],
    ['[faults]\nnum_cycles = 0', 'faults.num_cycles: expected a whole number from 1 to 100000, got 0'],
    [
      '[faults]\nrestart_delay_secs = -1',
      'faults.restart_delay_secs: expected a number of seconds from 0 to 604800, got -1',
    ],
    [
      '[faults]\nlog_file = "a.ndjson"',
      'faults.log_file: expected a file with another extension than .ndjson (the events for programs go there), got "a.ndjson"',
    ],
  ])('%j', (toml, line) => {
    server(1);
    faults(toml);
    expect(linesOf()).toEqual([`config/faults.toml: ${line}`]);
  });
});

describe('flags', () => {
  beforeEach(() => server(1));

  it('win over the file', () => {
    faults('[faults]\nnum_cycles = 9\nlog_file = "a.log"');
    const flags = { cycles: '2', interval: '1.5', 'restart-delay': '0', log: 'b' };
    expect(load(flags)).toMatchObject({
      ...{ cycles: 2, intervalMs: 1500, restartDelayMs: 0 },
      ...{ logFile: 'b', eventsFile: 'b.ndjson', logSource: '--log' },
    });
  });

  it.each([
    [{ cycles: '0' }, '--cycles: expected a whole number from 1 to 100000, got "0"'],
    [{ cycles: '1.5' }, '--cycles: expected a whole number from 1 to 100000, got "1.5"'],
    [{ interval: '-1' }, '--interval: expected a number of seconds from 0 to 604800, got "-1"'],
    [{ interval: '' }, '--interval: expected a number of seconds from 0 to 604800, got ""'],
    [{ 'restart-delay': '1e3' }, '--restart-delay: expected a number of seconds from 0 to 604800, got "1e3"'],
    [
      { log: 'x.ndjson' },
      '--log: expected a file with another extension than .ndjson (the events for programs go there), got "x.ndjson"',
    ],
    [{ log: '' }, '--log: expected a file, got ""'],
  ] as [FaultsFlags, string][])('%j', (flags, line) => {
    expect(linesOf(flags)).toEqual([line]);
  });

  it('every wrong one is told', () => {
    expect(linesOf({ cycles: 'x', interval: 'y' })).toHaveLength(2);
  });
});

describe('the shipped file', () => {
  it('says the defaults, and the three servers of this machine', () => {
    for (const id of [1, 2, 3]) server(id);
    const withoutFile = load();
    faults(SHIPPED);
    expect(load()).toEqual(withoutFile);
    expect(parseConfig(faultsFileSchema, SHIPPED, 'shipped').faults).toEqual(defaultsOf(faultsFileSchema).faults);
  });

  it('mentions every key', () => {
    for (const key of [
      'fault_interval_secs',
      'restart_delay_secs',
      'num_cycles',
      'log_file',
      'id',
      'host',
      'config',
      'work_dir',
      'binary',
    ]) {
      expect(SHIPPED).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    }
  });
});
