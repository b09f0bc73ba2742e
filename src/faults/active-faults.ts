/** Injects and heals faults server by server, tracks which are active, and logs it. */
import type { FaultServer } from '../config/faults-config';
import { type FaultKind, GRACEFUL_RESTART, isOfNetwork, takesDown } from '../core/fault-kinds';
import type { FaultAction, FaultEvent } from '../core/metrics/record';
import type { Fault, Found, ServerProcess } from './driver';
import { nullIfRefused, reasonOf } from './refusal';
import type { ServerState } from './cluster-view-model';
import type { RunFaultsOptions } from './run-options';
import { FAULT_LABELS } from './fault-labels';

/** Grace period after which the agent beside the server heals a fault that the controller did not. Milliseconds. */
const BOUND_MARGIN_MS = 60_000;

export interface Counts {
  /** Faults that were injected, and those of them that were healed. */
  faults: number;
  healed: number;
  /** Faults that were refused or failed, and heals that failed. */
  failed: number;
}

interface ActiveFault extends FaultTarget {
  fault: Fault;
}

/** A server that was found, and is about to get a fault. */
export interface FaultTarget {
  server: FaultServer;
  process: ServerProcess;
}

export class ActiveFaults {
  readonly counts: Counts = { faults: 0, healed: 0, failed: 0 };
  /** The current cycle, for the events. */
  cycle = 0;
  private readonly active = new Map<number, ActiveFault>();
  private readonly states = new Map<number, ServerState>();

  constructor(
    private readonly options: RunFaultsOptions,
    private readonly onChange: () => void,
  ) {}

  /** The servers whose fault is not healed yet. */
  get ids(): number[] {
    return [...this.active.keys()];
  }

  /** The fault of a server that is injected or being injected, and not healed; null if there is none. */
  faultOf(id: number): FaultKind | null {
    return this.active.get(id)?.fault.kind ?? null;
  }

  stateOf(id: number): ServerState {
    return this.states.get(id) ?? 'unknown';
  }

  /** Looks up the process of a server. */
  async look(server: FaultServer): Promise<{ process: Found | null; problem?: string }> {
    try {
      const process = await this.options.driver.find(server.id);
      if (!this.active.has(server.id)) this.set(server.id, stateOf(process));
      return { process };
    } catch (error) {
      const problem = reasonOf(error);
      this.set(server.id, 'unknown');
      return { process: null, problem };
    }
  }

  /** Returns null, after logging the reason, if the server must not be touched. `admitted`: the other servers of the step. */
  async admit(server: FaultServer, fault: Fault, admitted: readonly number[]): Promise<FaultTarget | null> {
    const { log, allowTotalOutage = false } = this.options;
    const { toInject, action } = FAULT_LABELS[fault.kind];
    const where = `Server ${server.id} on ${server.host}`;
    log(`Attempting to ${toInject} ${where}`);
    const { process, problem = 'it is not running' } = await this.look(server);
    if (process === null) return this.fail(server, action, null, `Cannot ${toInject} ${where}`, problem);
    const { pid } = process;
    log(`Found Server ${server.id} PID: ${pid} on ${server.host}`);
    if (process.isPaused) {
      return this.fail(
        server,
        action,
        pid,
        `Cannot ${toInject} ${where}`,
        'its process was stopped by another program (SIGSTOP)',
      );
    }
    const isLast = takesDown(fault) && !allowTotalOutage && !(await this.isAnotherUp([...admitted, server.id]));
    if (isLast) return this.fail(server, action, pid, `Will not ${toInject} ${where}`, 'no other server is running');
    return { server, process };
  }

  async inject({ server, process }: FaultTarget, fault: Fault, holdMs: number): Promise<void> {
    const { log, driver } = this.options;
    const { toInject, injected, state, action } = FAULT_LABELS[fault.kind];
    const { pid } = process;
    const where = `Server ${server.id} on ${server.host}`;
    this.record(server, action, 'started', pid, detailOf(fault));
    // Recorded before the attempt: if it fails half-way, the server may still be affected.
    this.active.set(server.id, { server, fault, process });
    this.onChange();
    let remark: string | null;
    try {
      remark = await driver.inject(server.id, process, fault, holdMs + BOUND_MARGIN_MS);
    } catch (error) {
      await this.lookAfterFailure(server, fault);
      this.fail(server, action, pid, `Cannot ${toInject} ${where}`, reasonOf(error));
      return;
    }
    this.counts.faults += 1;
    log(`SUCCESS: ${injected} Server ${server.id} (PID ${pid}) on ${server.host}`);
    if (remark !== null) log(`WARN: ${where}: ${remark}`);
    const details = [detailOf(fault), remark].filter((text) => text !== null);
    this.record(server, action, 'done', pid, details.length === 0 ? null : details.join('; '));
    this.tell(server, state.toLowerCase() as ServerState);
  }

  /** Heals the fault of a server; does nothing without one. */
  async heal(id: number): Promise<void> {
    const entry = this.active.get(id);
    if (entry === undefined) return;
    const { server, fault, process: affected } = entry;
    const { log, driver } = this.options;
    const { toHeal, healed, healAction } = FAULT_LABELS[fault.kind];
    const where = `Server ${id} on ${server.host}`;
    log(`Attempting to ${toHeal} ${where}`);
    this.record(server, healAction, 'started', null);
    // Another program may have started it, and after a kill that failed it may still be running.
    const before = healAction === 'restart' ? (await this.look(server)).process : null;
    let process: ServerProcess;
    try {
      process = before ?? (await driver.heal(id, fault.kind, affected));
    } catch (error) {
      const text =
        healAction === 'restart' ? `Server ${id} did not come back on ${server.host}` : `Cannot ${toHeal} ${where}`;
      this.fail(server, healAction, null, text, reasonOf(error));
      await this.lookIfDown(server);
      return;
    }
    this.active.delete(id);
    this.counts.healed += 1;
    log(
      before ? `${where} is already running (PID ${process.pid})` : `SUCCESS: ${healed} ${where} (PID ${process.pid})`,
    );
    // Only a paused server must still be the same process.
    const hasEnded = fault.kind === 'pause' && process.pid !== affected.pid;
    const remark = hasEnded ? `process ${affected.pid} ended while it was paused; the server was started again` : null;
    if (remark !== null) log(`WARN: ${where}: ${remark}`);
    this.record(server, healAction, 'done', process.pid, before ? 'it was already running' : remark);
    this.tell(server, 'up');
  }

  /** After a fault that failed: a process that ended must be started, and rules left in its network removed. */
  private async lookAfterFailure(server: FaultServer, fault: Fault): Promise<void> {
    const found = await this.lookIfDown(server);
    if (found === null || isOfNetwork(fault.kind)) return;
    this.active.delete(server.id);
    this.set(server.id, stateOf(found));
  }

  /** Checks whether the process ended, whatever the fault was. */
  private async lookIfDown(server: FaultServer): Promise<Found | null> {
    try {
      const found = await this.options.driver.find(server.id);
      if (found === null) this.set(server.id, 'down');
      return found;
    } catch (error) {
      this.set(server.id, 'unknown');
      return nullIfRefused(error);
    }
  }

  /** True if a server other than these is running and serves. */
  private async isAnotherUp(ids: readonly number[]): Promise<boolean> {
    for (const server of this.options.servers) {
      const fault = this.active.get(server.id)?.fault;
      if (ids.includes(server.id) || (fault !== undefined && takesDown(fault))) continue;
      const { process } = await this.look(server);
      if (process !== null && !process.isPaused) return true;
    }
    return false;
  }

  private tell(server: FaultServer, state: ServerState): void {
    this.options.log(`Server ${server.id} is now ${state.toUpperCase()}`);
    this.set(server.id, state);
  }

  private set(id: number, state: ServerState): void {
    this.states.set(id, state);
    this.onChange();
  }

  private fail(server: FaultServer, action: FaultAction, pid: number | null, text: string, reason: string): null {
    this.counts.failed += 1;
    this.options.log(`ERROR: ${text}: ${reason}`);
    this.record(server, action, 'failed', pid, reason);
    return null;
  }

  private record(
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
  return found.isPaused ? 'paused' : 'up';
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
