import type { FaultServer } from '../../src/config/faults-config';
import { ClusterError } from '../../src/core/errors';
import { timestamp } from '../../src/core/log-line';
import type { FaultEvent } from '../../src/core/metrics/record';
import type { Driver, ServerProcess } from '../../src/faults/driver';
import { planRing, type RingSpec } from '../../src/faults/plan';
import type { RingView } from '../../src/faults/ring-view';
import { type FaultsOutcome, runFaults } from '../../src/faults/runner';

export const GUIDE_SPEC: RingSpec = { cycles: 3, restartDelayMs: 10_000, intervalMs: 30_000 };
/** How long a restart takes here, as in the guide. */
const START_MS = 2000;

export function serverOf(id: number): FaultServer {
  return {
    ...{ id, host: 'localhost', config: `config/server${id}.toml`, workDir: '.', binary: './cloudp2p' },
    ...{ command: ['./cloudp2p'], pidFile: `server_${id}.pid`, address: { host: '127.0.0.1', port: 8000 + id } },
  };
}

export type Call = 'find' | 'kill' | 'start';

/** A ring on a clock that jumps: nothing waits, everything is noted. */
export class RingRig implements Driver {
  readonly running = new Map<number, ServerProcess>();
  readonly lines: string[] = [];
  readonly events: FaultEvent[] = [];
  readonly views: RingView[] = [];
  readonly calls: string[] = [];
  readonly stop = new AbortController();
  readonly servers: FaultServer[];
  /** 31 October 2025, 10:01:00 here. */
  nowMs = new Date(2025, 9, 31, 10, 1, 0).getTime();
  /** Called at everything that happens; may abort. */
  onStep: () => void = () => undefined;
  /** Called before the driver does something; may throw, or change what runs. */
  before: (call: Call, id: number) => void = () => undefined;
  /** The numbers of the processes to come. */
  pids = [12389, 12390, 12391];

  constructor(count = 3) {
    this.servers = Array.from({ length: count }, (_, index) => serverOf(index + 1));
    for (const { id } of this.servers) this.running.set(id, { pid: 12344 + id, startMs: 0 });
  }

  run(spec: RingSpec = GUIDE_SPEC): Promise<FaultsOutcome> {
    const ids = this.servers.map(({ id }) => id);
    return runFaults({
      plan: planRing(ids, spec),
      driver: this,
      servers: this.servers,
      log: (line) => {
        this.onStep();
        this.lines.push(`${timestamp(new Date(this.nowMs))} ${line}`);
      },
      record: (event) => void this.events.push(event),
      show: (view) => void this.views.push(view),
      clock: { monotonicMs: () => this.nowMs, unixMs: () => this.nowMs },
      wait: async (ms, signal) => {
        this.onStep();
        if (!signal.aborted) this.nowMs += ms;
      },
      signal: this.stop.signal,
    });
  }

  async find({ id }: FaultServer): Promise<ServerProcess | null> {
    this.#step('find', id);
    return this.running.get(id) ?? null;
  }

  async kill({ id }: FaultServer): Promise<void> {
    this.#step('kill', id);
    this.running.delete(id);
    this.onStep();
  }

  async start({ id }: FaultServer): Promise<ServerProcess> {
    this.#step('start', id);
    this.nowMs += START_MS;
    const process = { pid: this.pids.shift() ?? 20_000 + this.calls.length, startMs: this.nowMs };
    this.running.set(id, process);
    this.onStep();
    return process;
  }

  /** What was said, without the times. */
  get texts(): string[] {
    return this.lines.map((line) => line.slice('[2025-10-31 10:01:00] '.length));
  }

  /** `1 kill done`, … */
  get recorded(): string[] {
    return this.events.map(({ server_id, action, outcome }) => `${server_id} ${action} ${outcome}`);
  }

  #step(call: Call, id: number): void {
    this.onStep();
    this.calls.push(`${call} ${id}`);
    this.before(call, id);
  }
}

export function refuse(text: string): never {
  throw new ClusterError('not_reachable', text);
}
