import { createHash } from 'node:crypto';
import { type CheckedFault, type History, type Interval, overlapMs } from '../../src/check/history';
import type { Random } from '../../src/core/environment';
import type { FaultAction, ServerEvent } from '../../src/core/metrics/record';
import { seededRandom } from '../../src/core/random';
import { EventQueue } from './event-queue';
import { Network, type Cut, type LinkState } from './network';
import { IDEAL_MACHINE, type Machine, type SimClock } from './process';
import { type ClientRecord, SimClient, SimProgram } from './sim-client';
import { SimServer } from './sim-server';
import { DEFAULTS, type WorldOptions } from './settings';

const SAMPLE_MS = 500;

/** A fault of a server on one direction of a link. */
interface Impairment {
  id: number;
  from: string;
  to: string;
  state: LinkState;
}

/** A whole cluster with its clients on one event queue, one seeded generator and no real time. */
export class World {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly network: Network;
  readonly options: WorldOptions;
  readonly servers = new Map<number, SimServer>();
  readonly clients: SimClient[] = [];
  readonly programs = new Map<string, SimProgram>();
  readonly events: ServerEvent[] = [];
  readonly faults: CheckedFault[] = [];
  readonly trace: string[] = [];
  /** The servers that ever made wrong carriers. */
  readonly corrupted = new Set<number>();
  private impairments: Impairment[] = [];
  /** The servers whose machines are off. */
  private readonly off = new Set<number>();
  private readonly clocks = new Map<number, SimClock>();
  private readonly loads = new Map<number, number>();
  private readonly randomOf = new Map<number, Random>();
  private readonly starved = new Map<number, number>();
  private readonly clientPauses: (Interval & { program: SimProgram })[] = [];

  constructor(options: Partial<WorldOptions> = {}) {
    this.options = { ...DEFAULTS, ...options };
    const { baseDelayMs, maxDrift, cpu } = this.options;
    this.random = this.stream('world');
    this.network = new Network(this.queue, this.stream('network'), baseDelayMs);
    for (const id of this.serverIds) {
      this.clocks.set(id, { offsetMs: this.random() * 1e6, rate: 1 + (this.random() * 2 - 1) * maxDrift });
      this.loads.set(id, this.random() * 100);
    }
    // Idle machines report the same load, so ties must happen.
    if (this.random() < 0.3) for (const id of this.serverIds) this.loads.set(id, 10);
    for (const [id, percent] of cpu) this.loads.set(id, percent);
    this.addClients();
  }

  /** The shortest of all servers. */
  get heartbeatMs(): number {
    const { timings, timingsOf } = this.options;
    return Math.min(timings.heartbeatMs, ...[...timingsOf.values()].map(({ heartbeatMs }) => heartbeatMs));
  }

  get serverIds(): number[] {
    return Array.from({ length: this.options.servers }, (_, index) => index + 1);
  }

  /** Starts the servers and the clients when they are due. */
  start(): void {
    const { startsMs, clientsStartMs } = this.options;
    for (const id of this.serverIds) this.queue.at(startsMs[id - 1] ?? 0, () => this.startServer(id));
    for (const [index, client] of this.clients.entries()) {
      this.queue.at(clientsStartMs + this.stream(`start of client${index + 1}`)() * 100, () => client.begin());
    }
  }

  /** Returns the random numbers of one part of the world: another part may use more of its own without effect here. */
  private stream(name: string): Random {
    const digest = createHash('sha256').update(`${this.options.seed} ${name}`).digest();
    return seededRandom(digest.readUIntBE(0, 6));
  }

  private startServer(id: number): void {
    const { workers, queueLimit, timings, timingsOf, cores, images, serviceMs, maxLateDialMs } = this.options;
    const random = this.randomOf.get(id) ?? this.stream(`server${id}`);
    this.randomOf.set(id, random);
    const peers = this.serverIds.filter((peer) => peer !== id).map((peer) => ({ id: peer, address: `server${peer}` }));
    const meanBytes = images.reduce((sum, bytes) => sum + bytes, 0) / images.length;
    const config = {
      id,
      address: `server${id}`,
      peers,
      timings: timingsOf.get(id) ?? timings,
      workers,
      queueLimit,
      incarnation: Math.floor(random() * 2 ** 52).toString(16),
      version: 'sim',
      firstCheckId: Math.floor(random() * 2 ** 40),
      drainMs: 5000,
    };
    const server = new SimServer(`server${id}`, {
      config,
      network: this.network,
      random,
      machine: this.machine(this.clocks.get(id)!),
      cores,
      record: (event) => this.record(event),
      serviceMs: (bytes) => serviceMs * (0.5 + random()) * (meanBytes > 0 ? bytes / meanBytes : 1),
      maxLateDialMs,
    });
    this.servers.set(id, server);
    server.start();
    server.step({ type: 'load', sample: { cpuPercent: this.loads.get(id)!, memoryUsedPercent: 50 } });
    server.starve(this.starved.get(id) ?? 0);
    this.sampleLater(server);
  }

  private machine(clock: SimClock): Machine {
    const { eventMs, megabyteMs, bandwidth, backlog } = this.options;
    return { clock, eventMs, megabyteMs, bytesPerMs: bandwidth * 1000, backlog };
  }

  private addClients(): void {
    const { clients, programs, tasksPerClient, inFlight, requestTimeoutMs, thinkMs, images } = this.options;
    const own = Array.from({ length: programs }, (_, index) => {
      const name = `program${index + 1}`;
      const machine = this.machine(IDEAL_MACHINE.clock);
      const program = new SimProgram(name, this.queue, this.stream(name), Math.ceil(clients / programs), machine);
      this.programs.set(name, program);
      return program;
    });
    for (let index = 1; index <= clients; index++) {
      const name = `client${index}`;
      const random = this.stream(name);
      const client = new SimClient(name, own[index % programs]!, this.network, random, {
        addresses: this.serverIds.map((id) => `server${id}`),
        tasks: tasksPerClient,
        inFlight,
        timeoutMs: requestTimeoutMs,
        thinkMs: () => thinkMs * random() * 2,
        secretBytes: () => images[Math.floor(random() * images.length)]!,
        clientId: index,
      });
      this.clients.push(client);
    }
  }

  kill(id: number): void {
    const server = this.servers.get(id)!;
    if (!server.alive) return;
    this.fault(id, 'kill');
    server.kill();
  }

  /** The machine of a server vanishes: its connections are not closed, and dials to it are not answered. */
  powerOff(id: number): void {
    this.partition(id, this.others(id), 'packets', 'both');
    this.kill(id);
    this.off.add(id);
  }

  /** Starts a server that has ended; one that is still leaving is killed first. */
  restart(id: number): void {
    const server = this.servers.get(id)!;
    if (this.off.delete(id)) this.heal(id);
    server.kill();
    this.fault(id, 'restart');
    this.startServer(id);
  }

  terminate(id: number): void {
    const server = this.servers.get(id)!;
    if (!server.alive) return;
    this.fault(id, 'terminate');
    server.deliver(() => server.step({ type: 'leave' }));
  }

  pause(id: number): void {
    const server = this.servers.get(id)!;
    if (!server.alive || server.paused) return;
    this.fault(id, 'pause');
    server.pause();
  }

  resume(id: number): void {
    const server = this.servers.get(id)!;
    if (!server.alive || !server.paused) return;
    this.fault(id, 'resume');
    server.resume();
  }

  pauseClients(name: string): void {
    const program = this.programs.get(name)!;
    if (program.paused) return;
    this.say(`*** pause ${name}`);
    this.clientPauses.push({ program, fromMs: this.queue.nowMs, toMs: Infinity });
    program.pause();
  }

  resumeClients(name: string): void {
    const program = this.programs.get(name)!;
    const pause = this.clientPauses.find((each) => each.program === program && each.toMs === Infinity);
    if (pause === undefined) return;
    this.say(`*** resume ${name}`);
    pause.toMs = this.queue.nowMs;
    program.resume();
  }

  /** Isolates server `id` from the named others, in one direction or both. */
  partition(id: number, others: string[], kind: Cut, direction: 'both' | 'in' | 'out'): void {
    this.fault(id, 'partition', `${kind} ${direction} ${others.join(',')}`, {
      peers: this.peersIn(others),
      isOneWay: direction !== 'both',
    });
    for (const other of others) {
      if (direction !== 'in') this.impair({ id, from: `server${id}`, to: other, state: { cut: kind } });
      if (direction !== 'out') this.impair({ id, from: other, to: `server${id}`, state: { cut: kind } });
    }
  }

  /** A firewall drops or rejects new connections from server `id` to the named others. */
  blockDials(id: number, others: string[], kind: Cut): void {
    const detail = `dials ${kind} ${others.join(',')}`;
    this.fault(id, 'partition', detail, { peers: this.peersIn(others), isOneWay: true });
    for (const other of others) this.impair({ id, from: `server${id}`, to: other, state: { block: kind } });
  }

  slowDown(id: number, delayMs: number, lossRate: number): void {
    this.fault(id, lossRate > 0 ? 'loss' : 'delay', `${delayMs.toFixed(0)} ms, loss ${lossRate.toFixed(2)}`);
    const slow = { delayMs, lossRate, maxRtoMs: this.heartbeatMs >= 1000 ? 400 : 200 };
    for (const other of this.others(id)) {
      this.impair({ id, from: `server${id}`, to: other, state: { slow } });
      this.impair({ id, from: other, to: `server${id}`, state: { slow } });
    }
  }

  /** The CPUs of a server are taken away again and again, each time for up to twice `stallMs`. */
  starve(id: number, stallMs: number): void {
    // To others it is a delay.
    this.fault(id, 'delay', `no CPU for about ${stallMs.toFixed(0)} ms`);
    this.starved.set(id, stallMs);
    this.servers.get(id)!.starve(stallMs);
  }

  /** The carriers of a server are wrong, until it is said to be right again or restarts. */
  corrupt(id: number, corrupts: boolean): void {
    this.say(`*** server${id} makes ${corrupts ? 'wrong' : 'right'} carriers`);
    this.servers.get(id)!.corrupts = corrupts;
    if (corrupts) this.corrupted.add(id);
  }

  /** Ends the link faults of `id` and its want of CPU; link faults of other servers on the same links remain. */
  heal(id: number): void {
    this.fault(id, 'heal');
    if (this.starved.delete(id)) this.servers.get(id)!.starve(0);
    const own = this.impairments.filter((each) => each.id === id);
    this.impairments = this.impairments.filter((each) => each.id !== id);
    for (const { from, to } of own) this.network.change(from, to, this.stateOf(from, to));
  }

  private impair(impairment: Impairment): void {
    this.impairments.push(impairment);
    const { from, to } = impairment;
    this.network.change(from, to, this.stateOf(from, to));
  }

  private stateOf(from: string, to: string): LinkState {
    const state: LinkState = {};
    for (const each of this.impairments) if (each.from === from && each.to === to) Object.assign(state, each.state);
    return state;
  }

  private peersIn(others: readonly string[]): number[] {
    return this.serverIds.filter((peer) => others.includes(`server${peer}`));
  }

  /** Closes every connection between two servers once. */
  dropLinks(a: number, b: number): void {
    this.say(`links between server${a} and server${b} drop`);
    for (const end of [...this.network.ends]) {
      if (end.name === `server${a}` && end.remoteName === `server${b}`) end.resetBoth();
    }
  }

  runUntil(timeMs: number): void {
    this.queue.runUntil(timeMs);
  }

  /** All other servers and clients, by name. */
  others(id: number): string[] {
    const servers = this.serverIds.filter((other) => other !== id).map((other) => `server${other}`);
    return [...servers, ...this.clients.map((client) => client.name)];
  }

  leaderId(): number | null {
    for (const [id, server] of this.servers) if (server.alive && server.member.election.mode === 'leading') return id;
    return null;
  }

  history(): History {
    const all = [this.options.timings, ...this.options.timingsOf.values()];
    return {
      servers: this.events,
      requests: this.clients.flatMap((client) =>
        client.records.map((record) => ({ ...record, paused_ms: this.pausedMs(client.program, record) })),
      ),
      faults: this.faults,
      serverIds: this.serverIds,
      timings: {
        heartbeatMs: Math.max(...all.map(({ heartbeatMs }) => heartbeatMs)),
        failureTimeoutMs: Math.max(...all.map(({ failureTimeoutMs }) => failureTimeoutMs)),
        electionTimeoutMs: Math.max(...all.map(({ electionTimeoutMs }) => electionTimeoutMs)),
      },
      requestTimeoutMs: this.options.requestTimeoutMs,
      oneWayMs: this.options.oneWayMs,
      startMs: 0,
      endMs: this.queue.nowMs,
    };
  }

  /** Returns how long the program of a request stood still meanwhile. */
  private pausedMs(program: SimProgram, { start_time: fromMs, latency_ms: ms }: ClientRecord): number {
    return this.clientPauses
      .filter((pause) => pause.program === program)
      .reduce((sum, pause) => sum + Math.max(0, overlapMs(pause, { fromMs, toMs: fromMs + ms })), 0);
  }

  say(text: string): void {
    this.trace.push(`${this.queue.nowMs.toFixed(3).padStart(11)} ${text}`);
  }

  private record(event: ServerEvent): void {
    // All peer lists here are right: no fault may be mistaken for an error in them.
    if (event.event === 'mismatch') throw new Error(`server${event.server_id}: ${event.reason}`);
    this.events.push(event);
    if (event.event === 'sample') return;
    const { time: _time, server_id, event: name, ...rest } = event;
    const details = Object.entries(rest).map(([key, value]) => `${key}=${value}`);
    this.say(`server${server_id} ${name} ${details.join(' ')}`);
  }

  private fault(
    id: number,
    action: FaultAction,
    detail: string | null = null,
    extent: Pick<CheckedFault, 'peers' | 'isOneWay'> = {},
  ): void {
    const host = `server${id}`;
    this.faults.push({
      time: this.queue.nowMs,
      cycle: 1,
      server_id: id,
      host,
      action,
      outcome: 'done',
      pid: null,
      detail,
      ...extent,
    });
    this.say(`*** ${action} server${id}${detail ? ` (${detail})` : ''}`);
  }

  private sampleLater(server: SimServer): void {
    this.queue.after(SAMPLE_MS, () => {
      if (!server.alive) return;
      const { member } = server;
      const { activeCount, queuedCount } = member.executor.queue;
      const ledger = member.assigner.ledger.size;
      this.events.push({
        time: this.queue.nowMs,
        server_id: member.config.id,
        event: 'sample',
        cpu_percent: 0,
        memory_bytes: 0,
        active: activeCount,
        queued: queuedCount,
        ledger,
        event_loop_delay_ms: 0,
      });
      this.sampleLater(server);
    });
  }
}
