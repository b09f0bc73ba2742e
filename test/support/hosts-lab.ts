import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type LabHost, NamespaceLab } from './namespaces';
import { type Ended, PROGRAM, type Running, startProgram } from './program';

const SERVERS = [1, 2, 3];
const PORT = 8001;

/** Three running servers, client machines and a controller, each with its own address; SSH reaches all servers. */
export class HostsLab {
  private constructor(
    readonly network: NamespaceLab,
    /** The working folder of programs on the controller and the clients; holds `faults.toml` and `client.toml`. */
    readonly folder: string,
  ) {}

  /** Resolves when all servers follow one leader. */
  static async start(folder: string, clients: readonly string[] = ['client1']): Promise<HostsLab> {
    const network = await NamespaceLab.start([...SERVERS.map((id) => `server${id}`), ...clients]);
    const lab = new HostsLab(network, folder);
    try {
      lab.startServers();
      const client = `[client]\nserver_addresses = ${JSON.stringify(lab.addresses)}\n`;
      writeFileSync(path.join(folder, 'client.toml'), client);
      await lab.agreement(30);
      return lab;
    } catch (error) {
      lab.stop();
      throw error;
    }
  }

  get serverIds(): number[] {
    return SERVERS;
  }

  get addresses(): string[] {
    return SERVERS.map((id) => `${this.hostOf(id).address}:${PORT}`);
  }

  hostOf(id: number): LabHost {
    return this.network.host(`server${id}`);
  }

  /** The leader that all three follow. @throws Error if they do not agree in time */
  async agreement(withinSecs: number): Promise<number> {
    const flags = [...this.addresses.flatMap((address) => ['--server', address]), '--wait', String(withinSecs)];
    const { code, stdout, stderr } = await this.control(['status', ...flags]);
    const [, leader] = /all 3 servers follow server (\d) /.exec(stdout) ?? [];
    if (code !== 0 || leader === undefined) throw new Error(`the servers do not agree: ${stdout}${stderr}`);
    return Number(leader);
  }

  /** Runs the program on the controller. */
  control(args: readonly string[]): Promise<Ended> {
    return this.begin(args).ended;
  }

  begin(args: readonly string[], host = this.network.controller): Running {
    const [program, before] = this.network.command(host, PROGRAM, args);
    return startProgram(before, { program, cwd: this.folder, env: this.network.env, timeoutMs: 240_000 });
  }

  rulesOf(id: number): string {
    return execFileSync(...this.network.command(this.hostOf(id), 'nft', ['list', 'ruleset']), {
      encoding: 'utf8',
      env: this.network.env,
    });
  }

  workDirOf(id: number): string {
    return path.join(this.folder, `s${id}`);
  }

  /** Stops the lab and everything that runs in it. */
  stop(): void {
    this.network.stop();
  }

  private startServers(): void {
    const entries = SERVERS.map((id) => {
      const workDir = this.workDirOf(id);
      mkdirSync(workDir);
      const peers = SERVERS.filter((peer) => peer !== id).map(
        (peer) => `{ id = ${peer}, address = "${this.hostOf(peer).address}:${PORT}" }`,
      );
      const own = `[server]\nid = ${id}\naddress = "0.0.0.0:${PORT}"\n[peers]\npeers = [${peers.join(', ')}]\n`;
      writeFileSync(path.join(workDir, 'server.toml'), own);
      const server = this.network.command(this.hostOf(id), PROGRAM, ['server', '--config', 'server.toml']);
      spawn(...server, { cwd: workDir, stdio: 'ignore' });
      return [
        ...['[[servers]]', `id = ${id}`, `host = "server${id}"`, 'config = "server.toml"'],
        ...[`work_dir = "${workDir}"`, `binary = "${PROGRAM}"`],
      ].join('\n');
    });
    writeFileSync(path.join(this.folder, 'faults.toml'), entries.join('\n'));
  }
}
