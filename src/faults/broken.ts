import type { FaultServer } from '../config/faults-config';
import { type FaultKind, GRACEFUL_RESTART, isOfNetwork, takesDown } from '../core/fault-kinds';
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

interface Broken extends Victim {
  fault: Fault;
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
  readonly #broken = new Map<number, Broken>();
  readonly #states = new Map<number, ServerState>();

  constructor(
    private readonly options: RunFaultsOptions,
    private readonly onChange: () => void,
  ) {}

  /** Broken by us, and not mended since. */
  get ids(): number[] {
    return [...this.#broken.keys()];
  }

  /** What was done to it, or is being done, and is not mended. */
  faultOf(id: number): FaultKind | null {
    return this.#broken.get(id)?.fault.kind ?? null;
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
    const isLast = takesDown(fault) && !allowTotalOutage && !(await this.#isAnotherUp([...admitted, server.id]));
    if (isLast) return this.#fail(server, action, pid, `Will not ${toBreak} ${where}`, 'no other server is up');
    return { server, process };
  }

  async break({ server, process }: Victim, fault: Fault, holdMs: number): Promise<void> {
    const { log, driver } = this.options;
    const { toBreak, broken, state, action } = WORDS[fault.kind];
    const { pid } = process;
    const where = `Server ${server.id} on ${server.host}`;
    this.#record(server, action, 'started', pid, detailOf(fault));
    // Before it is done: when it goes wrong half-way, the server may be broken all the same.
    this.#broken.set(server.id, { server, fault, process });
    this.onChange();
    let remark: string | null;
    try {
      remark = await driver.break(server.id, process, fault, holdMs + BOUND_MARGIN_MS);
    } catch (error) {
      await this.#lookAfterFailure(server, fault);
      this.#fail(server, action, pid, `Cannot ${toBreak} ${where}`, reasonOf(error));
      return;
    }
    this.counts.faults += 1;
    log(`SUCCESS: ${broken} Server ${server.id} (PID ${pid}) on ${server.host}`);
    if (remark !== null) log(`WARN: ${where}: ${remark}`);
    const details = [detailOf(fault), remark].filter((text) => text !== null);
    this.#record(server, action, 'done', pid, details.length === 0 ? null : details.join('; '));
    this.#tell(server, state.toLowerCase() as ServerState);
  }

  /** What is not broken by us is left as it is. */
  async mend(id: number): Promise<void> {
    const entry = this.#broken.get(id);
    if (entry === undefined) return;
    const { server, fault, process: victim } = entry;
    const { log, driver } = this.options;
    const { toMend, mended, mendAction } = WORDS[fault.kind];
    const where = `Server ${id} on ${server.host}`;
    log(`Attempting to ${toMend} ${where}`);
    this.#record(server, mendAction, 'started', null);
    // Somebody else may have been faster, and after a kill that failed it may run still.
    const before = mendAction === 'restart' ? (await this.look(server)).process : null;
    let process: ServerProcess;
    try {
      process = before ?? (await driver.mend(id, fault.kind, victim));
    } catch (error) {
      const text =
        mendAction === 'restart' ? `Server ${id} did not come back on ${server.host}` : `Cannot ${toMend} ${where}`;
      this.#fail(server, mendAction, null, text, reasonOf(error));
      await this.#lookIfDown(server);
      return;
    }
    this.#broken.delete(id);
    this.counts.healed += 1;
    log(before ? `${where} runs already (PID ${process.pid})` : `SUCCESS: ${mended} ${where} (PID ${process.pid})`);
    // Only a paused one is to be the same process as before.
    const hasEnded = fault.kind === 'pause' && process.pid !== victim.pid;
    const remark = hasEnded ? `process ${victim.pid} ended while it was stopped; the server was started again` : null;
    if (remark !== null) log(`WARN: ${where}: ${remark}`);
    this.#record(server, mendAction, 'done', process.pid, before ? 'it ran already' : remark);
    this.#tell(server, 'up');
  }

  /** After a fault that failed: what needs to be mended is a process that ended, and what may be left in its network. */
  async #lookAfterFailure(server: FaultServer, fault: Fault): Promise<void> {
    const found = await this.#lookIfDown(server);
    if (found === null || isOfNetwork(fault.kind)) return;
    this.#broken.delete(server.id);
    this.#set(server.id, stateOf(found));
  }

  /** Whatever was done to it, it may have ended besides. */
  async #lookIfDown(server: FaultServer): Promise<Found | null> {
    try {
      const found = await this.options.driver.find(server.id);
      if (found === null) this.#set(server.id, 'down');
      return found;
    } catch (error) {
      this.#set(server.id, 'unknown');
      return nullIfRefused(error);
    }
  }

  /** Whether a server besides these runs and serves. */
  async #isAnotherUp(ids: readonly number[]): Promise<boolean> {
    for (const server of this.options.servers) {
      const fault = this.#broken.get(server.id)?.fault;
      if (ids.includes(server.id) || (fault !== undefined && takesDown(fault))) continue;
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
