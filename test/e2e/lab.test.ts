import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { FaultEvent, RequestRecord } from '../../src/core/metrics/record';
import type { Report } from '../../src/report/report';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { labNamespaces, type LabHost, NamespaceLab } from '../support/namespaces';
import { describeWithNamespaces } from '../support/with-namespaces';
import { PROGRAM, type Running, startProgram } from '../support/program';
import { goodCodeIn } from '../support/good-code';

const SMALL = path.join(__dirname, '../../test_images/small.png');
const SERVERS = ['server1', 'server2', 'server3'];
const CLIENTS = ['client1', 'client2'];
/** A name full of characters that a shell would interpret. */
const WORK_DIR = 'it\'s a "lab" $(touch hacked); `id` \\t';

/** True if there is a program to isolate a server; otherwise that test is skipped, with a message. */
const HAS_FIREWALL = ['nft', 'iptables'].some((name) =>
  ['/usr/sbin', '/sbin'].some((dir) => existsSync(`${dir}/${name}`)),
);
const testWithFirewall = HAS_FIREWALL ? test : test.skip;
if (!HAS_FIREWALL) process.stderr.write('nft is missing (Debian package nftables): a test of partitions is skipped\n');

let lab: NamespaceLab;
const cwd = (): string => lab.controller.folder;
const workDir = ({ folder }: LabHost): string => path.join(folder, WORK_DIR);

describeWithNamespaces('a run over SSH on several hosts', () => {
  beforeAll(async () => {
    lab = await NamespaceLab.start([...SERVERS, ...CLIENTS]);
    mkdirSync(path.join(cwd(), 'images'));
    copyFileSync(SMALL, path.join(cwd(), 'images', 'small.png'));
    // One machine has no program yet; copying it to all would only take longer.
    for (const name of [...SERVERS.slice(1), ...CLIENTS]) {
      mkdirSync(workDir(lab.host(name)));
      copyProgram(path.join(workDir(lab.host(name)), 'cloudp2p'));
    }
  }, 60_000);

  afterAll(() => {
    lab?.stop();
    expect(labNamespaces().filter((name) => name.includes(`-${process.pid}-`))).toEqual([]);
  });

  afterEach(() => {
    // However a test ended: the next one needs the ports.
    for (const host of lab.hosts) {
      for (const line of leftOn(host)) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    }
  });

  test('the whole guide: a ring of kills, a lost connection, two machines in one report', async () => {
    writeRunFile({ clients: 8, firstFault: 2 });
    const running = start('run', '--config', 'run.toml', '--out', 'ring');
    await running.says(/Server 2 is now DOWN/);
    // Neither load nor faults need it: the agents heal their faults, and others follow.
    const cut = ['server2', 'server3', ...CLIENTS].map((name) => lab.host(name).dropConnections());
    expect(cut.every((count) => count > 0)).toBe(true);
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr, left: left() }).toEqual({
      code: goodCodeIn(path.join(cwd(), 'ring')),
      stderr: '',
      left: [],
    });
    expect(stdout).toContain('server1: copied cloudp2p, config/server1.toml');
    expect(stdout).toMatch(/the connection was lost, connecting again/);
    expect(stdout.match(/^\[.*\] WARN servers listen on all addresses of their machines without TLS/gm)).toHaveLength(
      1,
    );
    const steps = [...stdout.matchAll(/^===== STEP (\d)\/9: .+ =====$/gm)].map(([, number]) => Number(number));
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expectGuideLog(readFileSync(path.join(cwd(), 'ring/fault_events.log'), 'utf8'));
    const report = reportOf('ring');
    expect(report).toMatchObject({ failed_requests: 0, faults: [{}, {}, {}], inputs: { missing: [] } });
    expect(report.loads.map(({ machine_id }) => machine_id).sort()).toEqual([1, 2]);
    expect(new Set(report.loads.map(({ run_id }) => run_id)).size).toBe(1);
    expect(Math.abs(report.loads[0]!.started_at - report.loads[1]!.started_at)).toBeLessThan(500);
    expect(report.total_requests).toBeGreaterThan(100);
    expect(report.clocks).toHaveLength(5);
    expect(report.rules?.map(({ rule }) => rule)).toEqual(['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8']);
    expect(report.rules?.filter(({ verdict }) => verdict === false)).toEqual([]);
    expect(hacked()).toEqual([]);
  }, 90_000);

  testWithFirewall(
    'isolates the leader, with TLS: nothing fails, and one leader remains',
    async () => {
      // Its cluster uses TLS if certificates can be made.
      const ca = HAS_OPENSSL ? new LabCa(cwd()) : undefined;
      writeRunFile({
        clients: 6,
        firstFault: 2,
        // The probe is a client like the others, with their certificate.
        faults: ['kind = "partition"', 'target = "leader"', 'abort_when = ["failure_rate>50%"]'],
        holdSecs: 5,
        hasTls: ca !== undefined,
      });
      const { code, stdout, stderr } = await start('run', '--config', 'run.toml', '--out', 'partition').ended;
      expect({ code, stderr, left: left() }).toEqual({
        code: goodCodeIn(path.join(cwd(), 'partition')),
        stderr: '',
        left: [],
      });
      expect(stdout.includes('without TLS')).toBe(ca === undefined);
      const tls = ['ca', 'server1', 'server1-key'].map((name) => `config/tls/${name}.pem`).join(', ');
      if (ca) {
        expect(stdout).toContain(`config/server1.toml, ${tls}\n`);
        const key = path.join(workDir(lab.host('server1')), 'config/tls/server1-key.pem');
        expect(statSync(key).mode & 0o777).toBe(0o600);
      }
      const report = reportOf('partition');
      expect(report).toMatchObject({ failed_requests: 0, faults: [{ kind: 'partition', led: true }] });
      expect(report.faults![0]!.leader_all_ms).toBeGreaterThan(0);
      expect(report.rules?.filter(({ verdict }) => verdict === false)).toEqual([]);
      const probes = readFileSync(path.join(cwd(), 'partition/fault_probe.ndjson'), 'utf8').trimEnd().split('\n');
      expect(probes.length).toBeGreaterThan(20);
      expect(probes.filter((line) => !(JSON.parse(line) as RequestRecord).success).length).toBeLessThan(2);
      expect(eventsOf('partition')).toEqual([
        expect.stringMatching(/^partition \d$/),
        expect.stringMatching(/^heal \d$/),
      ]);
    },
    60_000,
  );

  test('a second run is refused before it writes, beside one and after one that kept its servers', async () => {
    writeRunFile({ clients: 2, firstFault: 1 });
    const quick = ['--cycles', '0', '--duration', '1'];
    const first = start('run', '--config', 'run.toml', '--out', 'kept', '--keep', ...quick);
    await first.says(/starts in 5 s/);
    const files = ['config/server1.toml', 'config/client_stress.toml'];
    const texts = (): string[] =>
      SERVERS.concat(CLIENTS).flatMap((name) =>
        files.map((file) => path.join(workDir(lab.host(name)), file)).map((file) => textOf(file)),
      );
    const before = texts();
    const refusal = async (out: string): Promise<string[]> => {
      writeRunFile({ clients: 2, firstFault: 1, port: 8002 });
      const { code, stderr } = await start('run', '--config', 'run.toml', '--out', out, ...quick).ended;
      expect({ code, texts: texts() }).toEqual({ code: 4, texts: before });
      return stderr
        .trimEnd()
        .replace(/^Error: /gm, '')
        .split('\n');
    };
    expect(await refusal('beside')).toEqual(
      [...SERVERS, ...CLIENTS].map((name) => expect.stringMatching(`^ *${name}: run .* \\(process .* uses .* since `)),
    );
    const { code, stdout, stderr } = await first.ended;
    expect({ code, stderr }).toEqual({ code: goodCodeIn(path.join(cwd(), 'kept')), stderr: '' });
    expect(locks()).toEqual([]);
    const pids = [...stdout.matchAll(/server (\d): ssh server\1 kill (\d+)/g)].map(([, , pid]) => Number(pid));
    expect(pids).toHaveLength(3);
    const lines = await refusal('after');
    expect(lines).toEqual(
      pids.map((pid, n) =>
        expect.stringContaining(`server ${n + 1} on server${n + 1}: it is already running (PID ${pid})`),
      ),
    );
    expect(locks()).toEqual([]);
  }, 60_000);

  test('Ctrl-C while files are copied lets other runs start, and so does a killed controller', async () => {
    writeRunFile({ clients: 2, firstFault: 1 });
    const killed = start('run', '--config', 'run.toml', '--out', 'killed');
    await killed.says(/STEP 3/);
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(locks()).toEqual([...SERVERS, ...CLIENTS]);
    const running = start('run', '--config', 'run.toml', '--out', 'early');
    await running.says(/STEP 3/);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect({ code, stderr, locks: locks(), left: left() }).toEqual({
      code: 130,
      stderr: expect.stringMatching(/^Error: interrupted/),
      locks: [],
      left: [],
    });
  }, 60_000);

  test('Ctrl-C while a server is down, with a missing client machine', async () => {
    lab.host('client2').sshd!.kill('SIGKILL');
    writeRunFile({ clients: 4, firstFault: 1, holdSecs: 30 });
    const running = start('run', '--config', 'run.toml', '--out', 'interrupted');
    await running.says(/Server 1 is now DOWN/);
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr, left: left() }).toEqual({ code: 130, stderr: '', left: [] });
    expect(stdout).toMatch(/^Incomplete: a client machine is missing: client2: .*connection refused$/m);
    expect(stdout).toContain('Server 1 is now UP');
    expect(eventsOf('interrupted')).toEqual(['kill 1', 'restart 1']);
    expect(reportOf('interrupted').loads.map(({ machine_id }) => machine_id)).toEqual([1]);
  }, 60_000);

  test('missing server machines are all named, and nothing starts', async () => {
    for (const name of ['server2', 'client1']) lab.host(name).sshd!.kill('SIGKILL');
    writeRunFile({ clients: 4, firstFault: 1 });
    const { code, stderr } = await start('run', '--config', 'run.toml', '--out', 'missing').ended;
    expect({ code, left: left() }).toEqual({ code: 4, left: [] });
    const reasons = stderr.trimEnd().split('\n').sort();
    expect(reasons).toEqual(
      ['client1', 'client2', 'server2'].map((name) => expect.stringMatching(`${name}: .*connection refused`)),
    );
  }, 30_000);

  test('--plan does not connect', async () => {
    const { code, stdout, stderr } = await start('run', '--config', 'run.toml', '--out', 'plan', '--plan').ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      '1. CONNECT: to 5 machines over SSH, in parallel: server1, server2, server3, client1, client2\n',
    );
    expect(existsSync(path.join(cwd(), 'plan'))).toBe(false);
  }, 30_000);
});

interface RunFile {
  clients: number;
  firstFault: number;
  faults?: readonly string[];
  /** The length of each fault. */
  holdSecs?: number;
  /** With the certificates of LabCa. */
  hasTls?: boolean;
  /** The port of all servers. */
  port?: number;
}

function writeRunFile({ clients, firstFault, faults = [], holdSecs = 1, hasTls = false, port = 8001 }: RunFile): void {
  const hosts = (names: readonly string[]): LabHost[] => names.map((name) => lab.host(name));
  const lines = [
    '[run]',
    `binary = ${JSON.stringify(PROGRAM)}`,
    '[stress]',
    `num_clients = ${clients}`,
    ...['min_delay_ms = 100', 'max_delay_ms = 400', 'image_directory = "images"'],
    ...(hasTls ? ['[tls]', 'ca = "tls/ca.crt"', 'cert = "tls/client.crt"', 'key = "tls/client.key"'] : []),
    '[faults]',
    `first_fault_secs = ${firstFault}`,
    ...['fault_interval_secs = 3', `restart_delay_secs = ${holdSecs}`, 'num_cycles = 1', ...faults],
    ...hosts(SERVERS).flatMap((host, index) => [
      ...['[[servers]]', `id = ${index + 1}`, `host = "${host.name}"`, `address = "${host.address}:${port}"`],
      `work_dir = ${JSON.stringify(workDir(host))}`,
      ...(hasTls ? [`cert = "tls/server-${index + 1}.crt"`, `key = "tls/server-${index + 1}.key"`] : []),
    ]),
    ...hosts(CLIENTS).flatMap((host) => [
      '[[clients]]',
      `host = "${host.name}"`,
      `work_dir = ${JSON.stringify(workDir(host))}`,
    ]),
  ];
  writeFileSync(path.join(cwd(), 'run.toml'), `${lines.join('\n')}\n`);
}

/** The machines whose work folder is locked by a run. */
function locks(): string[] {
  return lab.hosts.filter((host) => existsSync(path.join(workDir(host), 'run.lock'))).map(({ name }) => name);
}

/** The text of a file; empty if it does not exist. */
function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function start(...args: string[]): Running {
  const [program, all] = lab.command(lab.controller, PROGRAM, args);
  return startProgram(all, { cwd: cwd(), env: lab.env, program, timeoutMs: 80_000 });
}

function reportOf(folder: string): Report {
  return JSON.parse(readFileSync(path.join(cwd(), folder, 'final_report.json'), 'utf8')) as Report;
}

/** The faults that were injected and healed. */
function eventsOf(folder: string): string[] {
  const lines = readFileSync(path.join(cwd(), folder, 'fault_events.ndjson'), 'utf8')
    .trimEnd()
    .split('\n');
  const events = lines.map((line) => JSON.parse(line) as FaultEvent).filter(({ outcome }) => outcome === 'done');
  return events.map(({ action, server_id }) => `${action} ${server_id}`);
}

function leftOn(host: LabHost): string[] {
  return host.processes.filter((line) => /cloudp2p (server|stress|fault-agent)/.test(line));
}

/** Servers, loads and agents that are still running. */
function left(): string[] {
  return lab.hosts.flatMap(leftOn);
}

/** Links the program where possible: it is large. */
function copyProgram(to: string): void {
  try {
    linkSync(PROGRAM, to);
  } catch {
    copyFileSync(PROGRAM, to);
  }
}

function hacked(): string[] {
  return readdirSync(lab.folder, { recursive: true, encoding: 'utf8' }).filter((name) => /(^|\/)hacked$/.test(name));
}

function expectGuideLog(log: string): void {
  for (const id of [1, 2, 3]) {
    const lines = [
      `Ring Algorithm: Processing Server ${id}`,
      `Attempting to kill Server ${id} on server${id}`,
      `Found Server ${id} PID: \\d+ on server${id}`,
      `SUCCESS: Killed Server ${id} \\(PID \\d+\\) on server${id}`,
      `Server ${id} is now DOWN`,
      `Waiting 1s before restarting Server ${id}\\.\\.\\.`,
      `Attempting to restart Server ${id} on server${id}`,
      // The agent whose connection was cut did it.
      id === 2
        ? 'Server 2 on server2 is already running \\(PID \\d+\\)'
        : `SUCCESS: Restarted Server ${id} on server${id} \\(PID \\d+\\)`,
      `Server ${id} is now UP`,
    ];
    expect(log).toMatch(new RegExp(lines.map((line) => `^\\[[\\d :-]+\\] ${line}$`).join('\n'), 'm'));
  }
}
