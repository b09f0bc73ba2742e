import { createHash } from 'node:crypto';
import type { CheckedFault, History } from '../../src/check/history';
import type { Random } from '../../src/core/environment';
import type { FaultAction, ServerEvent } from '../../src/core/metrics/record';
import { seededRandom } from '../../src/core/random';
import type { Timings } from '../../src/server/member/effects';
import { EventQueue } from './event-queue';
import { Network, type Cut } from './network';
import type { SimClock } from './process';
import { SimClient, SimProgram } from './sim-client';
import { SimServer } from './sim-server';

export interface WorldOptions {
  seed: number;
  servers: number;
  clients: number;
  tasksPerClient: number;
  thinkMs?: number;
  timings?: Timings;
  baseDelayMs?: number;
  serviceMs?: number;
  requestTimeoutMs?: number;
  workers?: number;
  queueLimit?: number;
  /** Each server's clock: random offset and up to this relative drift. */
  maxDrift?: number;
  maxLateDialMs?: number;
}

const DEFAULT_TIMINGS: Timings = { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 };
const SAMPLE_MS = 500;

/** A whole cluster with its clients on one event queue, one seeded generator and no real time. */
export class World {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly network: Network;
  readonly timings: Timings;
  readonly servers = new Map<number, SimServer>();
  readonly clients: SimClient[] = [];
  readonly events: ServerEvent[] = [];
  readonly faults: CheckedFault[] = [];
  readonly trace: string[] = [];
  private impairments: { id: number; from: string; to: string; isCut: boolean; apply: () => void }[] = [];
  private readonly clocks = new Map<number, SimClock>();
  private readonly loads = new Map<number, number>();
  private readonly randomOf = new Map<number, Random>();

  constructor(readonly options: WorldOptions) {
    this.random = this.stream('world');
    this.timings = options.timings ?? DEFAULT_TIMINGS;
    this.network = new Network(this.queue, this.stream('network'), options.baseDelayMs ?? 0.2);
    const drift = options.maxDrift ?? 0;
    for (const id of this.serverIds) {
      this.clocks.set(id, { offsetMs: this.random() * 1e6, rate: 1 + (this.random() * 2 - 1) * drift });
      this.loads.set(id, this.random() * 100);
    }
    // Idle machines report the same load, so ties must happen.
    if (this.random() < 0.3) for (const id of this.serverIds) this.loads.set(id, 10);
  }

  get serverIds(): number[] {
    return Array.from({ length: this.options.servers }, (_, index) => index + 1);
  }

  setCpu(id: number, cpuPercent: number): void {
    this.loads.set(id, cpuPercent);
  }

  /** Starts all servers; all listen before the first one dials. */
  startTogether(): void {
    const servers = this.serverIds.map((id) => this.listen(id));
    for (const server of servers) this.begin(server);
  }

  startServer(id: number): void {
    this.begin(this.listen(id));
  }

  /** Returns the random numbers of one part of the world: another part may use more of its own without effect here. */
  private stream(name: string): Random {
    const digest = createHash('sha256').update(`${this.options.seed} ${name}`).digest();
    return seededRandom(digest.readUIntBE(0, 6));
  }

  private listen(id: number): SimServer {
    const random = this.randomOf.get(id) ?? this.stream(`server${id}`);
    this.randomOf.set(id, random);
    const peers = this.serverIds.filter((peer) => peer !== id).map((peer) => ({ id: peer, address: `server${peer}` }));
    const config = {
      id,
      address: `server${id}`,
      peers,
      timings: this.timings,
      workers: this.options.workers ?? 2,
      queueLimit: this.options.queueLimit ?? 128,
      incarnation: Math.floor(random() * 2 ** 52).toString(16),
      version: 'sim',
      firstCheckId: Math.floor(random() * 2 ** 40),
      drainMs: 5000,
    };
    const server = new SimServer(`server${id}`, {
      config,
      network: this.network,
      random,
      clock: this.clocks.get(id)!,
      record: (event) => this.record(event),
      serviceMs: () => (this.options.serviceMs ?? 5) * (0.5 + random()),
      maxLateDialMs: this.options.maxLateDialMs ?? 0,
    });
    this.servers.set(id, server);
    return server;
  }

  private begin(server: SimServer): void {
    const cpuPercent = this.loads.get(server.member.config.id)!;
    server.start();
    server.step({ type: 'load', sample: { cpuPercent, memoryUsedPercent: 50 } });
    this.sampleLater(server);
  }

  startClients(): void {
    const { clients, tasksPerClient, requestTimeoutMs = 10_000, thinkMs = 200 } = this.options;
    const program = new SimProgram('clients', this.queue, this.stream('clients'), clients);
    for (let index = 1; index <= clients; index++) {
      const random = this.stream(`client${index}`);
      const client = new SimClient(`client${index}`, program, this.network, random, {
        addresses: this.serverIds.map((id) => `server${id}`),
        tasks: tasksPerClient,
        timeoutMs: requestTimeoutMs,
        thinkMs: () => thinkMs * random() * 2,
        clientId: index,
      });
      this.clients.push(client);
      this.queue.after(random() * 100, () => client.begin());
    }
  }

  kill(id: number): void {
    this.fault(id, 'kill');
    this.servers.get(id)!.kill();
  }

  restart(id: number): void {
    this.fault(id, 'restart');
    this.startServer(id);
  }

  terminate(id: number): void {
    this.fault(id, 'terminate');
    this.servers.get(id)!.step({ type: 'leave' });
  }

  pause(id: number): void {
    this.fault(id, 'pause');
    this.servers.get(id)!.pause();
  }

  resume(id: number): void {
    this.fault(id, 'resume');
    this.servers.get(id)!.resume();
  }

  /** Isolates server `id` from the named others, in one direction or both. */
  partition(id: number, others: string[], kind: Cut, direction: 'both' | 'in' | 'out'): void {
    this.fault(id, 'partition', `${kind} ${direction} ${others.join(',')}`, {
      peers: this.serverIds.filter((peer) => others.includes(`server${peer}`)),
      isOneWay: direction !== 'both',
    });
    for (const other of others) {
      if (direction !== 'in')
        this.impair(id, `server${id}`, other, true, () => this.network.cut(`server${id}`, other, kind));
      if (direction !== 'out')
        this.impair(id, other, `server${id}`, true, () => this.network.cut(other, `server${id}`, kind));
    }
  }

  slowDown(id: number, delayMs: number, lossRate: number): void {
    this.fault(id, lossRate > 0 ? 'loss' : 'delay', `${delayMs.toFixed(0)} ms, loss ${lossRate.toFixed(2)}`);
    const slowness = { delayMs, lossRate, maxRtoMs: this.timings.heartbeatMs >= 1000 ? 400 : 200 };
    for (const other of this.others(id)) {
      this.impair(id, `server${id}`, other, false, () => this.network.slowDown(`server${id}`, other, slowness));
      this.impair(id, other, `server${id}`, false, () => this.network.slowDown(other, `server${id}`, slowness));
    }
  }

  /** Ends the link faults of `id`; those of other servers on the same links remain. */
  heal(id: number): void {
    this.fault(id, 'heal');
    const own = this.impairments.filter((each) => each.id === id);
    this.impairments = this.impairments.filter((each) => each.id !== id);
    for (const { from, to } of own) {
      const others = this.impairments.filter((each) => each.from === from && each.to === to);
      if (others.some(({ isCut }) => isCut)) continue;
      this.network.heal(from, to);
      others.at(-1)?.apply();
    }
  }

  private impair(id: number, from: string, to: string, isCut: boolean, apply: () => void): void {
    this.impairments.push({ id, from, to, isCut, apply });
    apply();
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

  history(oneWayMs: number): History {
    return {
      servers: this.events,
      requests: this.clients.flatMap((client) => client.records),
      faults: this.faults,
      serverIds: this.serverIds,
      timings: this.timings,
      requestTimeoutMs: this.options.requestTimeoutMs ?? 10_000,
      oneWayMs,
      startMs: 0,
      endMs: this.queue.nowMs,
    };
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
