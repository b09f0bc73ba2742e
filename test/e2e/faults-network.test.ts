import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeWithNamespaces, type LabHost, NamespaceLab } from '../support/namespaces';
import type { runProgram } from '../support/program';
import { inFolder, PROGRAM, startProgram } from '../support/program';

const SERVERS = [1, 2, 3];
const CLIENT = 'client1';
const PORT = 8001;
const IMAGES = path.join(__dirname, '../../test_images');

/** Three servers, a client machine and a controller, each with an address of its own; SSH to all servers. */
class HostsLab {
  private constructor(
    private readonly network: NamespaceLab,
    readonly folder: string,
  ) {}

  static async start(folder: string): Promise<HostsLab> {
    const lab = new HostsLab(await NamespaceLab.start([...SERVERS.map((id) => `server${id}`), CLIENT]), folder);
    try {
      lab.#startServers();
      const flags = [...lab.addresses.flatMap((address) => ['--server', address]), '--wait', '30'];
      const { code, stdout } = await lab.control(['status', ...flags]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('all 3 servers follow') });
      return lab;
    } catch (error) {
      lab.stop();
      throw error;
    }
  }

  get addresses(): string[] {
    return SERVERS.map((id) => `${this.#hostOf(id).address}:${PORT}`);
  }

  /** Runs the program on the controller. */
  control(args: readonly string[]): ReturnType<typeof runProgram> {
    return this.begin(args).ended;
  }

  begin(args: readonly string[], host = this.network.controller): ReturnType<typeof startProgram> {
    const [program, before] = this.network.command(host, PROGRAM, args);
    return startProgram(before, { program, cwd: this.folder, env: this.network.env, timeoutMs: 120_000 });
  }

  beginOnClient(args: readonly string[]): ReturnType<typeof startProgram> {
    return this.begin(args, this.network.host(CLIENT));
  }

  rulesOf(id: number): string {
    return execFileSync(...this.network.command(this.#hostOf(id), 'nft', ['list', 'ruleset']), {
      ...{ encoding: 'utf8', env: this.network.env },
    });
  }

  /** With all that runs there. */
  stop(): void {
    this.network.stop();
  }

  #hostOf(id: number): LabHost {
    return this.network.host(`server${id}`);
  }

  #startServers(): void {
    const entries = SERVERS.map((id) => {
      const workDir = path.join(this.folder, `s${id}`);
      mkdirSync(workDir);
      const peers = SERVERS.filter((peer) => peer !== id).map(
        (peer) => `{ id = ${peer}, address = "${this.#hostOf(peer).address}:${PORT}" }`,
      );
      const own = `[server]\nid = ${id}\naddress = "0.0.0.0:${PORT}"\n[peers]\npeers = [${peers.join(', ')}]\n`;
      writeFileSync(path.join(workDir, 'server.toml'), own);
      const server = this.network.command(this.#hostOf(id), PROGRAM, ['server', '--config', 'server.toml']);
      spawn(...server, { cwd: workDir, stdio: 'ignore' });
      return [
        ...['[[servers]]', `id = ${id}`, `host = "server${id}"`, 'config = "server.toml"'],
        ...[`work_dir = "${workDir}"`, `binary = "${PROGRAM}"`],
      ].join('\n');
    });
    writeFileSync(path.join(this.folder, 'faults.toml'), entries.join('\n'));
  }
}

/** A load from the client machine until `work` is over; what `stress --json` says of it. */
async function underLoad(lab: HostsLab, requests: number, work: () => Promise<void>) {
  const client = `[client]\nserver_addresses = ${JSON.stringify(lab.addresses)}\n`;
  writeFileSync(path.join(lab.folder, 'client.toml'), client);
  const images = path.join(lab.folder, 'images');
  mkdirSync(images);
  writeFileSync(path.join(images, 'small.png'), readFileSync(path.join(IMAGES, 'small.png')));
  const flags = ['--client-config', 'client.toml', '--image-dir', images, '--clients', '10', '--json'];
  const think = ['--requests', String(requests), '--min-delay-ms', '100', '--max-delay-ms', '300'];
  const load = lab.beginOnClient(['stress', ...flags, ...think]);
  await work();
  const { code, stdout } = await load.ended;
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { aggregated_stats: Record<string, number> }).aggregated_stats;
}

describeWithNamespaces('hosts with an address each', () => {
  async function inLab(body: (lab: HostsLab) => Promise<void>): Promise<void> {
    await inFolder(async (folder) => {
      const lab = await HostsLab.start(folder);
      try {
        await body(lab);
      } finally {
        lab.stop();
      }
    });
  }

  test('the leader is cut off over SSH, twice, under load: nothing fails, and afterwards there is one leader', async () => {
    await inLab(async (lab) => {
      const flags = ['--config', 'faults.toml', '--kind', 'partition', '--target', 'leader'];
      const times = ['--cycles', '2', '--interval', '5', '--restart-delay', '5'];
      const stats = await underLoad(lab, 100, async () => {
        const { code, stdout, stderr } = await lab.control(['faults', ...flags, ...times]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toMatch(/SUCCESS: Partitioned Server \d \(PID \d+\) on server\d\n/);
        expect(stdout).toMatch(/Faults: 2, healed: 2, failed: 0; servers UP: 1, 2, 3\n$/);
      });
      expect(stats).toMatchObject({ total_requests: 1000, failed_requests: 0 });
      expect(stats.latency_p99_ms).toBeLessThan(1000);
      const servers = lab.addresses.flatMap((address) => ['--server', address]);
      expect((await lab.control(['status', ...servers, '--wait', '10'])).code).toBe(0);
      for (const id of SERVERS) expect(lab.rulesOf(id)).not.toContain('cloudp2p');
    });
  }, 240_000);

  test('SIGKILL of the controller while a server is cut off: it is healed', async () => {
    await inLab(async (lab) => {
      const flags = ['--config', 'faults.toml', '--kind', 'partition', '--target', '2', '--restart-delay', '600'];
      const run = lab.begin(['faults', ...flags]);
      await run.says(/Server 2 is now PARTITIONED/);
      const rules = (): string => lab.rulesOf(2);
      expect(rules()).toContain('cloudp2p_faults_2');
      run.child.kill('SIGKILL');
      await run.ended;
      const endMs = performance.now() + 10_000;
      while (rules().includes('cloudp2p')) if (performance.now() > endMs) throw new Error('not healed');
      const servers = lab.addresses.flatMap((address) => ['--server', address]);
      expect((await lab.control(['status', ...servers, '--wait', '20'])).code).toBe(0);
    });
  }, 240_000);
});
