import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FaultServer } from '../../src/config/faults-config';
import { tcCalls } from '../../src/faults/drivers/network/rules.pure';
import { NamespaceLab } from '../support/namespaces';
import { netemHere } from '../support/netem';
import { describeWithNamespaces } from '../support/with-namespaces';
import { buildAgent } from '../faults/agent-program';
import { LikenessLab, writeLikeness } from '../faults/likeness-lab';
import { TestAgent } from '../faults/test-agent';
import { until } from '../faults/until';

// Every test starts processes; on a busy machine that takes a while.
jest.setTimeout(120_000);
const NETEM = netemHere();
if (NETEM === null) process.stderr.write('no netem here, nor what its likeness needs: a test of delays is skipped\n');
const program = buildAgent();
afterAll(() => program.remove());

const PORT = 8001;
/** Stands for SSH: a port that does not belong to the cluster. */
const OTHER_PORT = 2222;

describeWithNamespaces('in network namespaces', () => {
  let network: NamespaceLab;
  let folder = '';
  const children: ChildProcess[] = [];
  const agents: TestAgent[] = [];

  /** Starts stand-ins for servers 1 and 2 on hosts 1 and 2; host 3 is a client. */
  beforeEach(async () => {
    network = await NamespaceLab.start(['one', 'two', 'three']);
    folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-network-'));
    writeLikeness(folder);
    for (const id of [1, 2]) {
      const workDir = path.join(folder, `s${id}`);
      mkdirSync(workDir);
      const pidFile = path.join(workDir, `server_${id}.pid`);
      writeFileSync(path.join(workDir, 'server.json'), JSON.stringify({ id, host: '0.0.0.0', port: PORT, pidFile }));
      const peers = [1, 2]
        .filter((peer) => peer !== id)
        .map((peer) => `{ id = ${peer}, address = "${address(peer)}" }`);
      const toml = `[server]\nid = ${id}\naddress = "${address(id)}"\n[peers]\npeers = [${peers.join()}]\n`;
      writeFileSync(path.join(workDir, 'server.toml'), toml);
      start(id, [path.join(folder, 'program'), 'server', '--config', 'server.toml'], workDir);
      await until('it has started', () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('}'));
    }
    const listen = `require('net').createServer().listen(${OTHER_PORT}, () => console.log('ready'))`;
    await new Promise((resolve) => start(1, [process.execPath, '-e', listen]).stdout!.once('data', resolve));
  });

  afterEach(async () => {
    for (const child of [...children.splice(0), ...agents.splice(0).map((agent) => agent.child)]) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.on('exit', resolve));
    }
    network.stop();
    rmSync(folder, { recursive: true });
  });

  const hostOf = (host: number) => network.hosts[host - 1]!;
  const address = (host: number): string => `${hostOf(host).address}:${PORT}`;
  /** A command as it runs on a host. */
  const on = (host: number, command: readonly string[]): [string, string[]] =>
    network.command(hostOf(host), command[0]!, command.slice(1));
  const runOn = (host: number, command: readonly string[]): string =>
    execFileSync(...on(host, command), { encoding: 'utf8', env: network.env });

  function start(host: number, command: readonly string[], cwd = folder): ChildProcess {
    const child = spawn(...on(host, command), { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }

  function startAgent(env?: NodeJS.ProcessEnv): TestAgent {
    const agent = new TestAgent(on(1, [process.execPath, program.script, 'fault-agent']).flat(), env);
    agents.push(agent);
    return agent;
  }

  /** An environment whose PATH has a failing nft. */
  function withoutNft(): NodeJS.ProcessEnv {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'nft'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    return { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
  }

  const serverOne = (): FaultServer => {
    const workDir = path.join(folder, 's1');
    return { id: 1, host: '', config: 'server.toml', workDir, binary: '../program', command: ['../program'] };
  };

  /** True if a connection is established within a second. */
  function reaches(from: number, to: number, port = PORT): boolean {
    const script = `exec 3<>/dev/tcp/${hostOf(to).address}/${port}`;
    return spawnSync(...on(from, ['timeout', '1', 'bash', '-c', script]), { stdio: 'ignore' }).status === 0;
  }

  /** client → 1, peer → 1, 1 → peer, client → 1 at another port, 1 → itself */
  const ways = (): boolean[] => [
    ...[reaches(3, 1), reaches(2, 1), reaches(1, 2)],
    ...[reaches(3, 1, OTHER_PORT), reaches(1, 1)],
  ];
  const WHOLE = [true, true, true, true, true];
  /** Our rules in the firewall of host 1. */
  const traces = (): string =>
    [
      ['nft', 'list', 'ruleset'],
      ['iptables', '-S'],
      ['ip6tables', '-S'],
    ]
      .map((command) => runOn(1, command))
      .join('')
      .split('\n')
      .filter((line) => line.includes('cloudp2p'))
      .join('\n');

  it.each([
    ['both', [false, false, false, true, true]],
    ['peers', [true, false, false, true, true]],
    ['clients', [false, true, true, true, true]],
  ] as const)('a partition from %s drops that traffic and nothing else; healing leaves no rules', async (from, cut) => {
    expect(ways()).toEqual(WHOLE);
    const agent = startAgent();
    expect((await agent.hello([serverOne()], ['partition'])).unable).toEqual({});
    const process = await agent.inject(1, { kind: 'partition', from });
    expect(ways()).toEqual(cut);
    await agent.ask('heal', { server: 1, kind: 'partition', process });
    expect(ways()).toEqual(WHOLE);
    expect(traces()).toBe('');
  });

  it('uses iptables where nft does not work', async () => {
    const agent = startAgent(withoutNft());
    expect((await agent.hello([serverOne()], ['partition'])).unable).toEqual({});
    await agent.inject(1, { kind: 'partition', from: 'peers' });
    expect(traces()).toContain('-A INPUT -j cloudp2p_1_in');
    expect(ways()).toEqual([true, false, false, true, true]);
    expect(await agent.end()).toBe(0);
    expect(ways()).toEqual(WHOLE);
    expect(traces()).toBe('');
  });

  it('the agent removes the rules when its controller is gone', async () => {
    const agent = startAgent();
    await agent.hello([serverOne()], ['partition']);
    await agent.inject(1, { kind: 'partition', from: 'both' });
    expect(traces()).toContain('cloudp2p_faults_1');
    expect(await agent.end()).toBe(0);
    expect(ways()).toEqual(WHOLE);
    expect(traces()).toBe('');
  });

  it('a failing firewall: a fault is not reported as healed before it is', async () => {
    const bin = path.join(folder, 'bin');
    const isBroken = path.join(folder, 'nft-is-broken');
    mkdirSync(bin);
    const script = `#!/bin/sh\n[ -e "${isBroken}" ] && exit 1\nPATH="$PATH:/usr/sbin:/sbin"; PATH="\${PATH#*:}" exec nft "$@"\n`;
    writeFileSync(path.join(bin, 'nft'), script, { mode: 0o755 });
    const agent = startAgent({ ...process.env, PATH: `${bin}:${process.env['PATH']}` });
    await agent.hello([serverOne()], ['partition']);
    const found = await agent.inject(1, { kind: 'partition', from: 'both' });
    writeFileSync(isBroken, '');
    const heal = { server: 1, kind: 'partition', process: found };
    await expect(agent.ask('heal', heal)).rejects.toThrow(/^refused: nft -f -: /);
    expect(traces()).toContain('cloudp2p_faults_1');
    rmSync(isBroken);
    expect(await agent.end()).toBe(0);
    expect(traces()).toBe('');
  });

  it('an agent that may not heal leaves it to one that may, and says so', async () => {
    const agent = startAgent();
    await agent.hello([serverOne()], ['partition']);
    await agent.inject(1, { kind: 'partition', from: 'both' });
    agent.child.kill('SIGKILL');
    await agent.ended;
    const without = ['setpriv', '--bounding-set=-net_admin', process.execPath, program.script, 'fault-agent'];
    const unable = new TestAgent(on(1, without).flat());
    agents.push(unable);
    const text = 'a fault agent that was killed left the fault "partition" on it: run this once as root';
    expect((await unable.hello([serverOne()], ['pause'])).servers[0]!.problems).toEqual([{ kind: 'lock', text }]);
    expect(await unable.end()).toBe(0);
    expect((await startAgent().hello([serverOne()], ['pause'])).servers[0]!.problems).toEqual([]);
    expect(traces()).toBe('');
  });

  it('the agent removes the rules when their time is over', async () => {
    const agent = startAgent();
    await agent.hello([serverOne()], ['partition']);
    await agent.inject(1, { kind: 'partition', from: 'both' }, 500);
    await until('it is healed', () => traces() === '');
    expect(ways()).toEqual(WHOLE);
  });

  it('after an agent was killed, the next one finds its rules by name and removes them', async () => {
    const agent = startAgent();
    await agent.hello([serverOne()], ['partition']);
    await agent.inject(1, { kind: 'partition', from: 'both' });
    agent.child.kill('SIGKILL');
    await agent.ended;
    expect(reaches(3, 1)).toBe(false);
    expect((await startAgent().hello([serverOne()], ['partition'])).servers[0]!.problems).toEqual([]);
    expect(ways()).toEqual(WHOLE);
    expect(traces()).toBe('');
  });

  it('other rules stay', async () => {
    runOn(1, ['nft', 'add table inet others']);
    runOn(1, ['iptables', '-A', 'INPUT', '-p', 'udp', '--dport', '9', '-j', 'DROP']);
    const agent = startAgent();
    await agent.hello([serverOne()], ['partition']);
    await agent.inject(1, { kind: 'partition', from: 'both' });
    await agent.end();
    expect(runOn(1, ['nft', 'list', 'tables'])).toContain('table inet others');
    expect(runOn(1, ['iptables', '-S'])).toContain('--dport 9 -j DROP');
  });

  it('without root, it says what it needs', async () => {
    const nobody = ['setpriv', '--reuid', 'nobody', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    const agent = new TestAgent(on(1, [...nobody, process.execPath, program.script, 'fault-agent']).flat());
    agents.push(agent);
    const { unable } = await agent.hello([], ['kill', 'partition', 'delay', 'loss']);
    const why = 'it needs root, or the capability CAP_NET_ADMIN';
    expect(unable).toEqual({ partition: why, delay: why, loss: why });
  });

  it.each(['nft', 'iptables'])('100 % loss lets nothing through, 50 % lets some through (%s)', async (tool) => {
    const agent = startAgent(tool === 'nft' ? undefined : withoutNft());
    expect((await agent.hello([serverOne()], ['loss'])).unable).toEqual({});
    const process = await agent.inject(1, { kind: 'loss', lossPercent: 100 });
    expect(ways()).toEqual([false, false, false, true, true]);
    await agent.ask('heal', { server: 1, kind: 'loss', process });
    await agent.inject(1, { kind: 'loss', lossPercent: 50 });
    // A lost SYN is sent again after a second, when the attempt is over.
    const seen = new Set<boolean>();
    for (let attempt = 0; attempt < 60 && seen.size < 2; attempt++) seen.add(reaches(3, 1));
    expect(seen.size).toBe(2);
    expect(await agent.end()).toBe(0);
    expect(ways()).toEqual(WHOLE);
    expect(traces()).toBe('');
  });

  const withNetem = NETEM === null ? it.skip : it;
  const withoutNetem = NETEM === 'kernel' ? it.skip : it;

  withNetem('a delay affects only what the server sends; healing leaves nothing', async () => {
    const agent = startAgent(network.env);
    expect((await agent.hello([serverOne()], ['delay'])).unable).toEqual({});
    const roundTripMs = (port: number): number => {
      const startMs = performance.now();
      expect(reaches(3, 1, port)).toBe(true);
      return performance.now() - startMs;
    };
    await agent.inject(1, { kind: 'delay', delayMs: 400, jitterMs: 100 });
    expect(roundTripMs(PORT)).toBeGreaterThan(300);
    expect(roundTripMs(OTHER_PORT)).toBeLessThan(300);
    await agent.end();
    expect(roundTripMs(PORT)).toBeLessThan(300);
    expect(runOn(1, ['tc', 'qdisc', 'show'])).not.toContain('netem');
  });

  withoutNetem('a delay is refused, with the reason, where the kernel has no netem', async () => {
    const agent = startAgent();
    const { unable } = await agent.hello([serverOne()], ['delay']);
    expect(unable).toEqual({ delay: 'its kernel has no netem (module sch_netem)' });
    const attempt = agent.inject(1, { kind: 'delay', delayMs: 200, jitterMs: 0 });
    await expect(attempt).rejects.toThrow(/^refused: tc qdisc add/);
  });

  it('tc parses every call: only the kernel may refuse it', () => {
    const traffic = {
      serverId: 1,
      port: PORT,
      peers: [
        { address: '10.0.0.2', port: 1 },
        { address: 'fd00::1', port: 2 },
      ],
    };
    for (const call of tcCalls('eth0', traffic, { delayMs: 20.5, jitterMs: 1 })) {
      const { stderr } = spawnSync(...on(1, ['tc', ...call]), { encoding: 'utf8', env: network.env });
      // For a syntax error tc prints something else.
      expect(stderr).toMatch(/^$|^Error: /);
    }
  });
});

it('servers that share a machine: partitions are refused, with the reason', async () => {
  const lab = await LikenessLab.create(2);
  const agent = new TestAgent([process.execPath, program.script, 'fault-agent']);
  try {
    await lab.start(1, 2);
    const { workDir } = lab.server(1);
    const peers = 'peers = [{ id = 2, address = "127.0.0.1:9" }]';
    writeFileSync(path.join(workDir, 'server.toml'), `[server]\nid = 1\naddress = "0.0.0.0:8"\n[peers]\n${peers}\n`);
    const { unable } = await agent.hello([lab.server(1)], ['partition']);
    expect(unable.partition).toMatch(
      /its peer at port 9 is on this same machine \(127.0.0.1\)|it needs root|neither nft nor iptables works there/,
    );
  } finally {
    agent.child.kill('SIGKILL');
    await lab.stop();
  }
});
