import type { FaultServer } from '../config/faults-config';
import { GRACEFUL_RESTART, takesDown } from '../core/fault-kinds';
import type { FaultAction, FaultEvent } from '../core/metrics/record';
import type { Fault, Found, ServerProcess } from './driver';
import { nullIfRefused, reasonOf } from './refusal';
import type { ServerState } from './ring-view';
import type { RunFaultsOptions } from './runner';
import { WORDS } from './words';

/** A fault is mended so long after it should have been, by who stands next to the server, if nobody else did. */
const BOUND_MARGIN_MS = 60_000;

export interface Counts {
  /** Faults that were performed, and those of them that were mended. */
  faults: number;
  healed: number;
  /** Faults that were refused or failed, and mends that did not succeed. */
  failed: number;
}

/** A fault that is about to happen to a server which was found. */
export interface Victim {
  server: FaultServer;
  process: ServerProcess;
}

/** Breaks and mends servers one by one, knows which are broken, and tells of it. */
export class BrokenServers {
  readonly counts: Counts = { faults: 0, healed: 0, failed: 0 };
  /** Of the events. */
  cycle = 0;
  readonly #broken = new Map<number, { server: FaultServer; fault: Fault }>();
  readonly #states = new Map<number, ServerState>();

  constructor(
    private readonly options: RunFaultsOptions,
    private readonly onChange: () => void,
  ) {}

  /** Broken by us, and not mended since. */
  get ids(): number[] {
    return [...this.#broken.keys()];
  }

  stateOf(id: number): ServerState {
    return this.#states.get(id) ?? 'unknown';
  }

  /** What runs there. */
  async look(server: FaultServer): Promise<{ process: Found | null; problem?: string }> {
    try {
      const process = await this.options.driver.find(server.id);
      if (!this.#broken.has(server.id)) this.#set(server.id, stateOf(process));
      return { process };
    } catch (error) {
      const problem = reasonOf(error);
      this.#set(server.id, 'unknown');
      return { process: null, problem };
    }
  }

  /** Null: it is not to be broken, and the reason was told. `admitted`: those that this step breaks besides. */
  async admit(server: FaultServer, fault: Fault, admitted: readonly number[]): Promise<Victim | null> {
    const { log, allowTotalOutage = false } = this.options;
    const { toBreak, action } = WORDS[fault.kind];
    const where = `Server ${server.id} on ${server.host}`;
    log(`Attempting to ${toBreak} ${where}`);
    const { process, problem = 'it is not running' } = await this.look(server);
    if (process === null) return this.#fail(server, action, null, `Cannot ${toBreak} ${where}`, problem);
    const { pid } = process;
    log(`Found Server ${server.id} PID: ${pid} on ${server.host}`);
    if (process.isStopped) {
      return this.#fail(
        server,
        action,
        pid,
        `Cannot ${toBreak} ${where}`,
        'somebody has stopped its process (SIGSTOP)',
      );
    }
    const isLast = takesDown(fault.kind) && !allowTotalOutage && !(await this.#isAnotherUp([...admitted, server.id]));
    if (isLast) return this.#fail(server, action, pid, `Will not ${toBreak} ${where}`, 'no other server is up');
    return { server, process };
  }

  async break({ server, process }: Victim, fault: Fault, holdMs: number): Promise<void> {
    const { log, driver } = this.options;
    const { toBreak, broken, state, action } = WORDS[fault.kind];
    const { pid } = process;
    const detail = detailOf(fault);
    this.#record(server, action, 'started', pid, detail);
    // Before it is done: when it goes wrong half-way, the server may be broken all the same.
    this.#broken.set(server.id, { server, fault });
    try {
      await driver.break(server.id, process, fault, holdMs + BOUND_MARGIN_MS);
    } catch (error) {
      await this.#forgetIfUp(server);
      this.#fail(server, action, pid, `Cannot ${toBreak} Server ${server.id} on ${server.host}`, reasonOf(error));
      return;
    }
    this.counts.faults += 1;
    log(`SUCCESS: ${broken} Server ${server.id} (PID ${pid}) on ${server.host}`);
    this.#record(server, action, 'done', pid, detail);
    this.#tell(server, state.toLowerCase() as ServerState);
  }

  /** What is not broken by us is left as it is. */
  async mend(id: number): Promise<void> {
    const entry = this.#broken.get(id);
    if (entry === undefined) return;
    const { server, fault } = entry;
    const { log, driver } = this.options;
    const { toMend, mended, mendAction } = WORDS[fault.kind];
    const where = `Server ${id} on ${server.host}`;
    log(`Attempting to ${toMend} ${where}`);
    this.#record(server, mendAction, 'started', null);
    // Somebody else may have been faster, and after a kill that failed it may run still.
    const before = mendAction === 'restart' ? (await this.look(server)).process : null;
    let process: ServerProcess;
    try {
      process = before ?? (await driver.mend(id, fault.kind));
    } catch (error) {
      const text =
        mendAction === 'restart' ? `Server ${id} did not come back on ${server.host}` : `Cannot ${toMend} ${where}`;
      this.#fail(server, mendAction, null, text, reasonOf(error));
      return;
    }
    this.#broken.delete(id);
    this.counts.healed += 1;
    log(before ? `${where} runs already (PID ${process.pid})` : `SUCCESS: ${mended} ${where} (PID ${process.pid})`);
    this.#record(server, mendAction, 'done', process.pid, before ? 'it ran already' : null);
    this.#tell(server, 'up');
  }

  /** After a fault that failed: only a process that ended needs to be mended. */
  async #forgetIfUp(server: FaultServer): Promise<void> {
    const found = await this.options.driver.find(server.id).catch(nullIfRefused);
    if (found === null) return;
    this.#broken.delete(server.id);
    this.#set(server.id, stateOf(found));
  }

  /** Whether a server besides these runs and serves. */
  async #isAnotherUp(ids: readonly number[]): Promise<boolean> {
    for (const server of this.options.servers) {
      const fault = this.#broken.get(server.id)?.fault;
      if (ids.includes(server.id) || (fault !== undefined && takesDown(fault.kind))) continue;
      const { process } = await this.look(server);
      if (process !== null && !process.isStopped) return true;
    }
    return false;
  }

  #tell(server: FaultServer, state: ServerState): void {
    this.options.log(`Server ${server.id} is now ${state.toUpperCase()}`);
    this.#set(server.id, state);
  }

  #set(id: number, state: ServerState): void {
    this.#states.set(id, state);
    this.onChange();
  }

  #fail(server: FaultServer, action: FaultAction, pid: number | null, text: string, reason: string): null {
    this.counts.failed += 1;
    this.options.log(`ERROR: ${text}: ${reason}`);
    this.#record(server, action, 'failed', pid, reason);
    return null;
  }

  #record(
    { id: server_id, host }: FaultServer,
    action: FaultAction,
    outcome: FaultEvent['outcome'],
    pid: number | null,
    detail: string | null = null,
  ): void {
    const { record, clock } = this.options;
    record({ time: clock.unixMs(), cycle: this.cycle, server_id, host, action, outcome, pid, detail });
  }
}

function stateOf(found: Found | null): ServerState {
  if (found === null) return 'down';
  return found.isStopped ? 'paused' : 'up';
}

function detailOf(fault: Fault): string | null {
  switch (fault.kind) {
    case 'restart':
      return GRACEFUL_RESTART;
    case 'partition':
      return fault.from === 'both' ? 'from peers and clients' : `from ${fault.from}`;
    case 'delay':
      return `${fault.delayMs} ms ± ${fault.jitterMs} ms`;
    case 'loss':
      return `${fault.lossPercent} % of the packets`;
    default:
      return null;
  }
}
