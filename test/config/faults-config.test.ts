import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type FaultsFlags, faultsConfigOf, faultsFile } from '../../src/config/faults-config';
import { defaultsOf, parseConfig } from '../../src/config/load';
import { locateServer } from '../../src/config/server-location';
import { configErrorLines, useTempFolder } from './helpers';

const ROOT = process.cwd();
const SHIPPED = readFileSync('config/faults.toml', 'utf8');
const temp = useTempFolder();
const OWN = ['/opt/cloudp2p'];
let count = 0;

/** Runs each test in its own empty folder: the defaults depend on its files. */
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

const load = (flags: FaultsFlags = {}) => faultsConfigOf(flags, { ownCommand: OWN, seed: 7 });
const linesOf = (flags: FaultsFlags = {}) => configErrorLines(() => load(flags));

describe('without a file', () => {
  it('the servers are those of config/server*.toml, by id, and everything else has its default', () => {
    for (const id of [10, 2]) server(id);
    server(1, 'config/server_first.toml');
    writeFileSync('config/other.toml', 'not for us');
    const { servers, ...rest } = load();
    expect(rest).toEqual({
      spec: {
        pattern: 'ring',
        kinds: [{ kind: 'kill', weight: 1 }],
        target: 'all',
        count: 1,
        seed: 7,
        intervalMs: 30_000,
        restartDelayMs: 10_000,
        cycles: 3,
        partitionFrom: 'both',
        delayMs: 200,
        jitterMs: 100,
        lossPercent: 20,
      },
      abortWhen: [],
      allowTotalOutage: false,
      logFile: './fault_events.log',
      eventsFile: 'fault_events.ndjson',
      probeFile: 'fault_probe.ndjson',
      logSource: 'config/faults.toml: faults.log_file',
    });
    expect(servers.map(({ id }) => id)).toEqual([1, 2, 10]);
    expect(servers[0]).toMatchObject({
      id: 1,
      host: 'localhost',
      config: 'config/server_first.toml',
      workDir: '.',
      binary: '/opt/cloudp2p',
      command: OWN,
      own: { id: 1, address: '127.0.0.1:8001' },
    });
  });

  it('and without servers: an error that says what is needed', () => {
    const text =
      'expected [[servers]] in it or config/server*.toml in this folder, found neither (cloudp2p init writes both)';
    expect(linesOf()).toEqual([`config/faults.toml: servers: ${text}`]);
  });

  it('the same id in two files', () => {
    server(1);
    server(1, 'config/server2.toml');
    expect(linesOf()).toEqual([
      'config/server2.toml: server.id: expected each id once, got 1 again (first in config/server1.toml)',
    ]);
  });

  it('an invalid server file', () => {
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
    expect(rest).toMatchObject({ spec: { intervalMs: 250, restartDelayMs: 0, cycles: 1 } });
    expect(rest).toMatchObject({ logFile: 'logs/f.txt', eventsFile: 'logs/f.ndjson' });
    expect(servers).toMatchObject([
      { id: 7, config: 'config/server7.toml', workDir: 'lab', command: OWN },
      { id: 3, config: 'three.toml', binary: './program', command: ['./program'] },
    ]);
    expect(servers.map((each) => locateServer(each).pidFile)).toEqual([
      path.resolve('lab/server_7.pid'),
      path.resolve('lab/run/s3.pid'),
    ]);
  });

  it('without servers uses those of config/server*.toml', () => {
    server(1);
    faults('[faults]\nnum_cycles = 9');
    expect(load()).toMatchObject({ spec: { cycles: 9 }, servers: [{ id: 1 }] });
  });

  it.each([
    ['0.0.0.0:8001', '', { host: '127.0.0.1', port: 8001 }, null],
    ['[::]:8001', '', { host: '::1', port: 8001 }, null],
    ['[::0]:8001', '', { host: '::1', port: 8001 }, null],
    ['[::ffff:0.0.0.0]:8001', '', { host: '127.0.0.1', port: 8001 }, null],
    ['[::ffff:10.0.0.1]:8001', '', { host: '10.0.0.1', port: 8001 }, '[::ffff:10.0.0.1]:8001'],
    ['0.0.0.0:8001', 'advertise_address = "a:9"', { host: '127.0.0.1', port: 8001 }, 'a:9'],
    ['lab.example.com:8001', '', { host: 'lab.example.com', port: 8001 }, 'lab.example.com:8001'],
  ])('a server that listens on %s (%s) is reached', (address, more, near, advertised) => {
    writeFileSync('config/server1.toml', `[server]\nid = 1\naddress = "${address}"\n${more}`);
    expect(locateServer(load().servers[0]!)).toMatchObject({ address: near, advertised });
  });

  it('a configuration outside the work folder is read from its own place', () => {
    server(1);
    mkdirSync('other');
    const absolute = path.resolve('config/server1.toml');
    faults(`[[servers]]\nid = 1\nhost = "localhost"\nconfig = "${absolute}"\nwork_dir = "other"`);
    expect(load().servers).toMatchObject([{ id: 1, config: absolute, workDir: 'other' }]);
  });

  it('a configuration of another server is refused', () => {
    server(1);
    const [one] = load().servers;
    server(2, 'config/server1.toml');
    const lines = configErrorLines(() => locateServer(one!));
    expect(lines).toEqual(['config/server1.toml: server.id: expected 1, got 2']);
  });

  it('servers on other machines are checked there, not here', () => {
    faults(`
      [[servers]]
      id = 4
      host = "me@server4.example.com:2222"
      config = "/path/to/CloudP2P/config/server4.toml"
      work_dir = "/path/to/CloudP2P"`);
    expect(load().servers).toEqual([
      {
        id: 4,
        host: 'me@server4.example.com:2222',
        workDir: '/path/to/CloudP2P',
        binary: './cloudp2p',
        config: '/path/to/CloudP2P/config/server4.toml',
        command: ['./cloudp2p'],
      },
    ]);
  });

  it('that was named must exist', () => {
    server(1);
    expect(linesOf({ config: 'none.toml' })).toEqual(['none.toml: no such file']);
  });

  const ONE = '[[servers]]\nid = 1\n';
  it.each([
    ['servers = []', 'servers: expected at least one server, got an empty list'],
    [ONE + ONE, 'servers[1].id: expected each id once, got 1 again (first at servers[0].id)'],
    [
      `${ONE}host = "-oProxyCommand=x"`,
      'servers[0].host: expected "localhost" or [user@]host[:port], got "-oProxyCommand=x"',
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
    [`${ONE}binary = "./none"`, 'servers[0].binary: expected a program, got "./none", which is not executable'],
    [
      `${ONE}binary = "config/server1.toml"`,
      'servers[0].binary: expected a program, got "config/server1.toml", which is not executable',
    ],
    [`${ONE}binary = "config"`, 'servers[0].binary: expected a program, got "config", which is not executable'],
    ['[[servers]]\nhost = "localhost"', 'servers[0].id: missing: expected a whole number from 1 to 4294967295'],
    [`${ONE}workdir = "."`, 'servers[0].workdir: unknown key, did you mean "servers[0].work_dir"?'],
    ['[faults]\nnum_cycles = 0', 'faults.num_cycles: expected a whole number from 1 to 100000, got 0'],
    [
      '[faults]\nrestart_delay_secs = -1',
      'faults.restart_delay_secs: expected a number of seconds from 0 to 604800, got -1',
    ],
    [
      '[faults]\nlog_file = "a.ndjson"',
      'faults.log_file: expected a file with an extension other than .ndjson (the machine-readable events use it), got "a.ndjson"',
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
      spec: { cycles: 2, intervalMs: 1500, restartDelayMs: 0 },
      logFile: 'b',
      eventsFile: 'b.ndjson',
      logSource: '--log',
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
      '--log: expected a file with an extension other than .ndjson (the machine-readable events use it), got "x.ndjson"',
    ],
    [{ log: '' }, '--log: expected a path, got ""'],
  ] as [FaultsFlags, string][])('%j', (flags, line) => {
    expect(linesOf(flags)).toEqual([line]);
  });

  it('all wrong ones are reported', () => {
    expect(linesOf({ cycles: 'x', interval: 'y' })).toHaveLength(2);
  });
});

describe('kinds and targets', () => {
  beforeEach(() => {
    for (const id of [1, 2, 3]) server(id);
  });

  it('everything in the file', () => {
    faults(`
      [faults]
      pattern = "simultaneous"
      kind = ["kill=3", "pause"]
      target = [3, 1]
      count = 1
      seed = 42
      partition_from = "peers"
      delay_ms = 50
      jitter_ms = 5
      loss_percent = 1.5
      abort_when = "failure_rate>20%"
      allow_total_outage = true`);
    const { spec, abortWhen, allowTotalOutage } = load();
    expect(spec).toMatchObject({
      pattern: 'simultaneous',
      target: [3, 1],
      count: 1,
      seed: 42,
      partitionFrom: 'peers',
      delayMs: 50,
      jitterMs: 5,
      lossPercent: 1.5,
      kinds: [
        { kind: 'kill', weight: 3 },
        { kind: 'pause', weight: 1 },
      ],
    });
    expect(abortWhen).toMatchObject([{ metric: 'failure_rate', operator: '>', limit: 20 }]);
    expect(allowTotalOutage).toBe(true);
  });

  it('flags win', () => {
    faults('[faults]\npattern = "random"\nkind = "pause"\ntarget = "leader"\nabort_when = ["p99>1s", "max>2s"]');
    const flags: FaultsFlags = {
      pattern: 'simultaneous',
      kind: ['loss'],
      target: ['2,3'],
      count: '2',
      'loss-percent': '5',
      seed: '1',
      'abort-when': ['p50>5ms'],
    };
    expect(load(flags)).toMatchObject({
      spec: { pattern: 'simultaneous', kinds: [{ kind: 'loss' }], target: [2, 3], count: 2, lossPercent: 5, seed: 1 },
      abortWhen: [{ expression: 'p50>5ms' }],
    });
  });

  it.each([
    [{ target: ['minority'] }, 1],
    [{ target: ['majority'] }, 2],
    [{ pattern: 'simultaneous' }, 2],
    [{ pattern: 'simultaneous', target: ['leader'] }, 1],
    [{ pattern: 'ring' }, 1],
  ] as [FaultsFlags, number][])('%j affects this many servers at once: %i', (flags, count) => {
    expect(load(flags).spec.count).toBe(count);
  });

  it('a small delay reduces the default jitter', () => {
    expect(load({ 'delay-ms': '20' }).spec).toMatchObject({ delayMs: 20, jitterMs: 20 });
  });

  const KINDS = 'kill, terminate, pause, partition, delay, loss, restart';
  it.each([
    [
      { kind: ['kil'] },
      `--kind: expected one of ${KINDS}, each once, with a weight above 0 if any (kill=3), got "kil"`,
    ],
    [
      { kind: ['kill', 'kill=2'] },
      `--kind: expected one of ${KINDS}, each once, with a weight above 0 if any (kill=3), got "kill=2"`,
    ],
    [
      { kind: ['kill=0'] },
      `--kind: expected one of ${KINDS}, each once, with a weight above 0 if any (kill=3), got "kill=0"`,
    ],
    [
      { target: ['1', '4'] },
      '--target: expected one of all, leader, followers, minority, majority, or ids of servers (1, 2, 3), each once, got "1, 4"',
    ],
    [{ count: '2' }, '--count: expected 1: only the pattern simultaneous affects several servers at once'],
    [
      { pattern: 'simultaneous', count: '3', target: ['followers'] },
      '--count: expected at most the number of targets, 2, got 3',
    ],
    [{ target: ['majority'], count: '2' }, '--count: expected no count: the target majority sets it'],
    [
      { pattern: 'simultaneous', count: '3' },
      '--allow-total-outage: this plan takes down all 3 servers at once, which needs this flag',
    ],
    [
      { pattern: 'simultaneous', count: '3', kind: ['loss'], 'loss-percent': '50' },
      '--allow-total-outage: this plan takes down all 3 servers at once, which needs this flag',
    ],
    [{ 'jitter-ms': '300' }, '--jitter-ms: expected at most the delay, 200, got 300'],
  ] as [FaultsFlags, string][])('%j', (flags, line) => {
    expect(linesOf(flags)).toEqual([line]);
  });

  it.each([
    [
      'kind = 3',
      'faults.kind: expected a kind of fault such as "kill", or a list such as ["kill=3", "pause=1"], got 3',
    ],
    ['target = ["1"]', 'faults.target: expected one of "all", '],
    ['target = [9]', 'faults.target: expected one of all, '],
    ['abort_when = "x"', 'faults.abort_when: expected a metric'],
    ['allow_total_outage = 1', 'faults.allow_total_outage: expected true or false, got 1'],
  ])('in the file: %s', (line, expected) => {
    faults(`[faults]\n${line}`);
    expect(linesOf()[0]).toContain(`config/faults.toml: ${expected}`);
  });

  it('a condition on a metric that the probe does not measure', () => {
    const text =
      '--abort-when: expected a metric, one of < <= > >=, and a number, like p99<800ms, got "recovery>1s"; ' +
      'metrics are failure_rate, min, avg, p50, p95, p99, p99.9, max';
    expect(() => load({ 'abort-when': ['recovery>1s'] })).toThrow(text);
  });

  it('everything may go down if that is allowed, or if it only gets slower', () => {
    const all: FaultsFlags = { pattern: 'simultaneous', count: '3' };
    expect(load({ ...all, 'allow-total-outage': true }).spec.count).toBe(3);
    expect(load({ ...all, kind: ['delay', 'loss'] }).spec.count).toBe(3);
  });
});

describe('the shipped file', () => {
  it('contains the defaults, and the three servers of this machine', () => {
    for (const id of [1, 2, 3]) server(id);
    const withoutFile = load();
    faults(SHIPPED);
    expect(load()).toEqual(withoutFile);
    expect(parseConfig(faultsFile.schema, SHIPPED, 'shipped').faults).toEqual(defaultsOf(faultsFile.schema).faults);
  });

  it('mentions every key', () => {
    for (const key of [
      'fault_interval_secs',
      'restart_delay_secs',
      'num_cycles',
      ...['pattern', 'kind', 'target', 'count', 'seed', 'partition_from', 'delay_ms', 'jitter_ms', 'loss_percent'],
      ...['abort_when', 'allow_total_outage'],
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
