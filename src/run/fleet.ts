/** The servers of a run: processes on this machine that end together with this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import path from 'node:path';
import { ClusterError } from '../core/errors';
import type { LocalServer } from '../faults/drivers/local-server';
import { lastLine, logFileOf } from '../faults/drivers/server-log';
import { openToAppend } from '../files/append';
import { causeOf } from '../files/cause';
import { type NewFile, writeAll } from '../files/write-whole';
import { judgeReady } from '../status/agreement.pure';
import { look } from '../status/status';
import { HOST } from './ports';
import { serverLines } from './server-text.pure';

const CONFIG = 'server.toml';
/** Far below an election (2 s by default), which is waited for. */
const LOOK_AGAIN_MS = 100;
/** Time to start and to elect a leader: several elections. */
const READY_MS = 20_000;
/** Time to shut down: a server gives its running tasks 5 s. */
const LEAVE_MS = 8000;

export class Fleet {
  readonly servers: readonly LocalServer[];
  private readonly children = new Map<number, ChildProcess>();

  /**
   * @param folder of the run; each server gets its own in it
   * @param command the command that starts this program
   */
  constructor(
    folder: string,
    readonly ports: readonly number[],
    command: readonly string[],
  ) {
    this.servers = ports.map((port, index) => {
      const id = index + 1;
      const workDir = path.join(folder, `server${id}`);
      return {
        id,
        host: 'localhost',
        config: CONFIG,
        workDir,
        binary: command.join(' '),
        command,
        pidFile: path.resolve(workDir, `server_${id}.pid`),
        address: { host: HOST, port },
        advertised: `${HOST}:${port}`,
        tls: null,
        peers: ports.filter((other) => other !== port).map((other) => `${HOST}:${other}`),
      };
    });
  }

  get addresses(): string[] {
    return this.ports.map((port) => `${HOST}:${port}`);
  }

  /** Returns their configuration files. */
  files(): NewFile[] {
    return this.servers.map(({ id, workDir }) => ({
      path: path.join(workDir, CONFIG),
      content: Buffer.from(this.configOf(id)),
    }));
  }

  /** Writes their files and starts all; resolves with a description when they have a leader and accept tasks. */
  async start(signal: AbortSignal): Promise<string> {
    await writeAll(this.files());
    for (const server of this.servers) this.launch(server);
    return this.ready(signal);
  }

  /**
   * Starts a server in its own session, so that only this process handles Ctrl-C; the pipe ends when this process is gone,
   * even by SIGKILL.
   */
  readonly launch = (server: LocalServer): ChildProcess => {
    const [program, ...args] = server.command;
    const log = openLog(logFileOf(server));
    const child = spawn(program!, [...args, 'server', '--config', server.config, '--until-stdin-ends'], {
      cwd: server.workDir,
      detached: true,
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    // Waiters are notified elsewhere; a write to a dead process is not an error here.
    child.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    this.children.set(server.id, child);
    return child;
  };

  /** Asks them to shut down, and kills those that do not. */
  async stop(): Promise<void> {
    await Promise.all([...this.children.values()].map((child) => stopped(child)));
  }

  /** Returns a sentence for each server that is not running: after its faults were healed, each one should be. */
  deaths(): string[] {
    return this.servers.flatMap(({ id }) => {
      const child = this.children.get(id);
      return child !== undefined && hasEnded(child) ? [`server ${id} ended during the run: ${endOf(child)}`] : [];
    });
  }

  private async ready(signal: AbortSignal): Promise<string> {
    const endMs = performance.now() + READY_MS;
    for (;;) {
      const agreement = judgeReady((await look(this.addresses, signal)).answers);
      if (agreement.agreed || signal.aborted) return agreement.text;
      this.throwIfEnded();
      if (performance.now() > endMs) {
        throw new ClusterError('not_reachable', `servers not ready after ${READY_MS / 1000} s: ${agreement.text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  private throwIfEnded(): void {
    for (const server of this.servers) {
      const child = this.children.get(server.id)!;
      if (child.pid !== undefined && !hasEnded(child)) continue;
      const why = [endOf(child), lastLine(logFileOf(server), 0)].filter((part) => part !== '').join(': ');
      throw new ClusterError('not_reachable', `server ${server.id} did not start: ${why}`);
    }
  }

  private configOf(id: number): string {
    const addressed = this.servers.map((server) => ({ id: server.id, address: `${HOST}:${server.address.port}` }));
    const own = addressed.find((server) => server.id === id)!;
    return [
      ...serverLines(
        own,
        addressed.filter((peer) => peer !== own),
      ),
      '',
    ].join('\n');
  }
}

/** @throws ClusterError `not_reachable` */
function openLog(file: string): number {
  try {
    return openToAppend(file);
  } catch (error) {
    throw new ClusterError('not_reachable', `cannot write ${file}: ${causeOf(error)}`, { cause: error });
  }
}

function endOf({ pid, exitCode, signalCode, spawnfile }: ChildProcess): string {
  if (pid === undefined) return `${spawnfile} cannot be run`;
  return signalCode === null ? `it ended with exit code ${exitCode}` : `it was ended by ${signalCode}`;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const end = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_MS);
  await end;
  clearTimeout(timer);
}
