import type { FaultSpec } from '../../src/config/faults-spec';
import { ClusterError } from '../../src/core/errors';
import type { FaultKind } from '../../src/core/fault-kinds';
import { timestamp } from '../../src/core/log-line';
import type { FaultEvent } from '../../src/core/metrics/record';
import type { StatusFields } from '../../src/core/protocol';
import { systemClock } from '../../src/core/system/system-clock';
import type { Driver, Fault, Found, ServerProcess } from '../../src/faults/driver';
import type { LocalServer } from '../../src/faults/drivers/local-server';
import { planFaults } from '../../src/faults/plan';
import { ringOfKills } from './ring-of-kills';
import type { ClusterViewModel } from '../../src/faults/cluster-view-model';
import { type FaultsOutcome, runFaults } from '../../src/faults/runner';

export const GUIDE_SPEC = ringOfKills({ cycles: 3, restartDelayMs: 10_000, intervalMs: 30_000 });
/** The time that a restart takes here, as in the guide. */
const START_MS = 2000;

export function serverOf(id: number): LocalServer {
  return {
    id,
    host: 'localhost',
    config: `config/server${id}.toml`,
    workDir: '.',
    binary: './cloudp2p',
    command: ['./cloudp2p'],
    pidFile: `server_${id}.pid`,
    address: { host: '127.0.0.1', port: 8000 + id },
    advertised: null,
    peers: [],
    tls: null,
  };
}

/** A process of a driver without a kernel. */
export function processOf(pid: number): ServerProcess {
  return { pid, kernelStart: `boot/${pid}`, uid: 0, gid: 0 };
}

export type Call = 'find' | 'inject' | 'heal';

/** A ring on a virtual clock: nothing waits, everything is recorded. */
export class RingRig implements Driver {
  readonly running = new Map<number, ServerProcess>();
  /** Servers that have a fault but are running. */
  readonly active = new Map<number, FaultKind>();
  /** The faults and their healing, in order. */
  readonly done: string[] = [];
  readonly lines: string[] = [];
  readonly events: FaultEvent[] = [];
  readonly views: ClusterViewModel[] = [];
  readonly calls: string[] = [];
  readonly stop = new AbortController();
  /** Ends the plan as an abort condition does. */
  readonly abort = new AbortController();
  readonly servers: LocalServer[];
  allowTotalOutage = false;
  leaderId: number | null = 1;
  /** 31 October 2025, 10:01:00 local time. */
  nowMs = new Date(2025, 9, 31, 10, 1, 0).getTime();
  /** Called at every step; may abort. */
  onStep: () => void = () => undefined;
  /** Called before every call of the driver; may throw, or change `running`. */
  before: (call: Call, id: number) => void = () => undefined;
  /** The driver's remark on every fault. */
  remark: string | null = null;
  /** The pids of the next processes. */
  pids = [12389, 12390, 12391];

  constructor(count = 3) {
    this.servers = Array.from({ length: count }, (_, index) => serverOf(index + 1));
    for (const { id } of this.servers) this.running.set(id, processOf(12344 + id));
  }

  run(spec: FaultSpec = GUIDE_SPEC): Promise<FaultsOutcome> {
    const ids = this.servers.map(({ id }) => id);
    return runFaults({
      plan: planFaults(ids, spec),
      pattern: spec.pattern,
      driver: this,
      servers: this.servers,
      allowTotalOutage: this.allowTotalOutage,
      log: (line) => {
        this.onStep();
        this.lines.push(`${timestamp(new Date(this.nowMs))} ${line}`);
      },
      record: (event) => void this.events.push(event),
      show: (view) => void this.views.push(view),
      clock: {
        monotonicMs: () => this.nowMs,
        unixMs: () => this.nowMs,
        wallMs: () => this.nowMs,
        after: systemClock.after,
      },
      wait: async (ms, signal) => {
        this.onStep();
        if (!signal.aborted) this.nowMs += ms;
      },
      signal: this.stop.signal,
      abort: this.abort.signal,
    });
  }

  async find(id: number): Promise<Found | null> {
    this.step('find', id);
    const process = this.running.get(id);
    return process === undefined ? null : { ...process, isPaused: this.active.get(id) === 'pause' };
  }

  async status(id: number): Promise<StatusFields | null> {
    if (!this.running.has(id)) return null;
    return { leader_id: this.leaderId, term: 1, phase: 'ready' } as StatusFields;
  }

  async inject(id: number, _process: ServerProcess, { kind }: Fault): Promise<string | null> {
    this.step('inject', id);
    if (['kill', 'terminate', 'restart'].includes(kind)) this.running.delete(id);
    else this.active.set(id, kind);
    this.done.push(`${kind} ${id}`);
    this.onStep();
    return this.remark;
  }

  async heal(id: number, kind: FaultKind): Promise<ServerProcess> {
    this.step('heal', id);
    if (this.active.delete(id)) this.done.push(`heal ${kind} ${id}`);
    else this.start(id);
    this.onStep();
    return this.running.get(id)!;
  }

  /** True if all servers run without a fault. */
  get isWhole(): boolean {
    return this.running.size === this.servers.length && this.active.size === 0;
  }

  /** The logged lines, without the times. */
  get texts(): string[] {
    return this.lines.map((line) => line.slice('[2025-10-31 10:01:00] '.length));
  }

  /** The events, as `1 kill done`. */
  get recorded(): string[] {
    return this.events.map(({ server_id, action, outcome }) => `${server_id} ${action} ${outcome}`);
  }

  private start(id: number): void {
    this.nowMs += START_MS;
    const process = processOf(this.pids.shift() ?? 20_000 + this.calls.length);
    this.running.set(id, process);
    this.done.push(`start ${id}`);
  }

  private step(call: Call, id: number): void {
    this.onStep();
    this.calls.push(`${call} ${id}`);
    this.before(call, id);
  }
}

export function refuse(text: string): never {
  throw new ClusterError('not_reachable', text);
}
