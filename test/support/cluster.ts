import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { FaultAction, FaultEvent, ServerEvent } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';

export interface ClusterOptions {
  /** The built program, or [node, bundle]. */
  command: string[];
  folder: string;
  servers: number;
  coverFile?: string;
  /** TOML appended to each server's file. */
  extraToml?: string | ((id: number) => string);
}

/** Free loopback ports, all different: all are held open before any is released. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Real server processes on loopback, one folder each; tests and benches break them and read their files. */
export class Cluster {
  readonly processes = new Map<number, ChildProcess>();
  readonly output = new Map<number, string>();
  /** Faults injected and healed, as a controller would record them; the checker reads them. */
  readonly faults: FaultEvent[] = [];

  private constructor(
    private readonly options: ClusterOptions,
    readonly ports: readonly number[],
  ) {}

  static async create(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await freePorts(options.servers));
    for (const id of cluster.ids) cluster.writeConfig(id);
    return cluster;
  }

  get ids(): number[] {
    return this.ports.map((_, index) => index + 1);
  }

  get addresses(): string[] {
    return this.ids.map((id) => this.address(id));
  }

  address(id: number): string {
    return `127.0.0.1:${this.ports[id - 1]}`;
  }

  start(id: number): ChildProcess {
    const [program, ...args] = this.options.command;
    const child = spawn(program!, [...args, 'server', '--config', 'server.toml'], {
      cwd: this.folder(id),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.processes.set(id, child);
    const note = (data: Buffer): void => void this.output.set(id, (this.output.get(id) ?? '') + data.toString());
    child.stdout!.on('data', note);
    child.stderr!.on('data', note);
    return child;
  }

  startAll(): void {
    for (const id of this.ids) this.start(id);
  }

  /** Signals the very process that this cluster started, if it is still running. */
  signal(id: number, signal: NodeJS.Signals): void {
    const child = this.processes.get(id);
    if (child && child.exitCode === null && child.signalCode === null) child.kill(signal);
  }

  async exited(id: number): Promise<number | null> {
    const child = this.processes.get(id)!;
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve));
    return child.exitCode;
  }

  async kill(id: number): Promise<void> {
    this.signal(id, 'SIGKILL');
    await this.exited(id);
    // As the product does: until then it may have written events.
    this.note(id, 'kill');
  }

  restart(id: number): void {
    this.note(id, 'restart');
    this.start(id);
  }

  pause(id: number): void {
    this.note(id, 'pause');
    this.signal(id, 'SIGSTOP');
  }

  resume(id: number): void {
    this.note(id, 'resume');
    this.signal(id, 'SIGCONT');
  }

  private note(id: number, action: FaultAction): void {
    const pid = this.processes.get(id)?.pid ?? null;
    const time = systemClock.unixMs();
    this.faults.push({ time, cycle: 1, server_id: id, host: 'localhost', action, outcome: 'done', pid, detail: null });
  }

  /** Lets all servers leave, one after the other: unlike `stop`, they write the last of their events. */
  async leave(): Promise<void> {
    for (const id of this.processes.keys()) {
      this.signal(id, 'SIGTERM');
      await this.exited(id);
    }
  }

  async stop(): Promise<void> {
    for (const id of this.processes.keys()) {
      this.signal(id, 'SIGCONT');
      this.signal(id, 'SIGKILL');
    }
    await Promise.all([...this.processes.keys()].map((id) => this.exited(id)));
  }

  /** The events that a server has written so far, whole lines only. */
  events(id: number): ServerEvent[] {
    const file = path.join(this.folder(id), `server_${id}_events.ndjson`);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as ServerEvent);
  }

  allEvents(): ServerEvent[] {
    return this.ids.flatMap((id) => this.events(id)).sort((a, b) => a.time - b.time);
  }

  /** Polls until `isSo` returns true; throws with the servers' output after `timeoutMs`. */
  async until(what: string, isSo: () => boolean, timeoutMs = 15_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!isSo()) {
      if (performance.now() > endMs) {
        const logs = [...this.output].map(([id, text]) => `--- server ${id}\n${text.slice(-2000)}`).join('\n');
        throw new Error(`not within ${timeoutMs} ms: ${what}\n${logs}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The leadership that all of `ids` follow by their latest events, or null while they disagree. */
  agreed(ids: readonly number[]): { term: number; leaderId: number } | null {
    const views = ids.map((id) => this.events(id).filter(isLeadership).at(-1));
    const [first] = views;
    if (first?.event !== 'leader') return null;
    const { term, leader_id: leaderId } = first;
    const same = views.every((view) => view?.event === 'leader' && view.term === term && view.leader_id === leaderId);
    return same && ids.includes(leaderId) ? { term, leaderId } : null;
  }

  async agreement(ids: readonly number[] = this.ids): Promise<{ term: number; leaderId: number }> {
    await this.until(`servers ${ids.join(', ')} agree on a leader`, () => this.agreed(ids) !== null);
    return this.agreed(ids)!;
  }

  async ready(ids: readonly number[] = this.ids): Promise<void> {
    const isReady = (id: number): boolean => {
      const events = this.events(id);
      const startedAt = events.findLastIndex((event) => event.event === 'started');
      return startedAt >= 0 && events.slice(startedAt).some((event) => event.event === 'ready');
    };
    await this.until(`servers ${ids.join(', ')} are ready`, () => ids.every(isReady));
  }

  folder(id: number): string {
    return path.join(this.options.folder, `s${id}`);
  }

  /** Makes the configuration of a server differ from that of the others, before it starts. */
  replaceInConfig(id: number, text: string, replacement: string): void {
    const file = path.join(this.folder(id), 'server.toml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(text, replacement));
  }

  private writeConfig(id: number): void {
    mkdirSync(this.folder(id), { recursive: true });
    const peers = this.ids
      .filter((peer) => peer !== id)
      .map((peer) => `  { id = ${peer}, address = "${this.address(peer)}" },`);
    const toml = [
      '[server]',
      `id = ${id}`,
      `address = "${this.address(id)}"`,
      ...(this.options.coverFile ? [`cover_image = ${JSON.stringify(path.resolve(this.options.coverFile))}`] : []),
      '[peers]',
      'peers = [',
      ...peers,
      ']',
      extraOf(this.options, id),
    ];
    writeFileSync(path.join(this.folder(id), 'server.toml'), toml.join('\n'));
  }
}

function extraOf({ extraToml = '' }: ClusterOptions, id: number): string {
  return typeof extraToml === 'string' ? extraToml : extraToml(id);
}

function isLeadership(event: ServerEvent): boolean {
  return event.event === 'leader' || event.event === 'election' || event.event === 'started';
}
