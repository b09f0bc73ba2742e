import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FaultServer } from '../../src/config/faults-config';
import { fromProc } from '../../src/faults/drivers/process-info';
import { freePorts } from '../support/cluster';
import { until } from './until';

const LIKENESS = path.join(__dirname, 'likeness.cjs');

/** Named like the real program. */
const NAME = 'cloudp2p.cjs';

/** Writes a stand-in for the server, `program`, into a folder where other users may run it, too. */
export function writeLikeness(folder: string): void {
  const script = path.join(folder, NAME);
  copyFileSync(LIKENESS, script);
  const text = `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`;
  writeFileSync(path.join(folder, 'program'), text, { mode: 0o755 });
}

/** Stand-ins for servers, one folder each; a fault driver can restart them. */
export class LikenessLab {
  private readonly children: ChildProcess[] = [];

  private constructor(
    readonly folder: string,
    readonly servers: FaultServer[],
  ) {}

  static async create(count: number): Promise<LikenessLab> {
    const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-lab-'));
    writeLikeness(folder);
    const ports = await freePorts(count);
    const servers = ports.map((port, index) => {
      const id = index + 1;
      const workDir = path.join(folder, `s${id}`);
      mkdirSync(workDir);
      writeFileSync(
        path.join(workDir, 'server.json'),
        JSON.stringify({ id, port, pidFile: path.join(workDir, `server_${id}.pid`) }),
      );
      writeFileSync(path.join(workDir, 'server.toml'), `[server]\nid = ${id}\naddress = "127.0.0.1:${port}"\n`);
      return { id, host: 'localhost', config: 'server.toml', workDir, binary: '../program', command: ['../program'] };
    });
    return new LikenessLab(folder, servers);
  }

  async start(...ids: number[]): Promise<void> {
    for (const id of ids) {
      const { workDir } = this.server(id);
      this.children.push(spawn('../program', ['server', '--config', 'server.toml'], { cwd: workDir, stdio: 'ignore' }));
    }
    const isThere = (id: number): boolean =>
      existsSync(this.pidFile(id)) && readFileSync(this.pidFile(id), 'utf8').endsWith('}');
    await until('all have started', () => ids.every(isThere));
  }

  server(id: number): FaultServer {
    return this.servers[id - 1]!;
  }

  pidFile(id: number): string {
    return path.join(this.server(id).workDir, `server_${id}.pid`);
  }

  pid(id: number): number {
    return (JSON.parse(readFileSync(this.pidFile(id), 'utf8')) as { pid: number }).pid;
  }

  /** The state of the process that the pid file names: `up`, `paused` or `down`. */
  async state(id: number): Promise<string> {
    const info = await fromProc(this.pid(id));
    if (info === null || !info.words.includes(path.join(this.folder, NAME))) return 'down';
    return info.isPaused ? 'paused' : 'up';
  }

  log(id: number): string {
    const file = path.join(this.server(id).workDir, `server_${id}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Ends exactly the processes of this lab. */
  async stop(): Promise<void> {
    for (const child of this.children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve));
    }
    for (const { id } of this.servers) {
      if (existsSync(this.pidFile(id)) && (await this.state(id)) !== 'down') process.kill(this.pid(id), 'SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
