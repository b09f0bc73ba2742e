import type { FaultServer } from '../config/faults-config';
import type { Clock } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { FaultEvent } from '../core/metrics/record';
import type { Driver, ServerProcess } from './driver';
import type { PlannedAction } from './plan';
import type { RingView, ServerState } from './ring-view';
import { showSecs } from './text';

export interface RunFaultsOptions {
  plan: readonly PlannedAction[];
  driver: Driver;
  servers: readonly FaultServer[];
  /** Takes one line for a person, without its time. */
  log(line: string): void;
  record(event: FaultEvent): void;
  /** Told whenever a server or the wait has changed. */
  show(ring: RingView): void;
  clock: Clock;
  /** Resolves after so long, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Aborted by Ctrl-C: breaks nothing more, and mends what is broken. */
  signal: AbortSignal;
}

/** What became of a plan. */
export interface FaultsOutcome {
  kills: number;
  restarts: number;
  /** Kills that were refused or failed, and restarts that did not succeed. */
  failed: number;
  interrupted: boolean;
  /** Servers that were taken down and did not come back. */
  down: number[];
}

/**
 * Performs a plan. However it ends (the end of the plan, an abort, an error), what it took down is started again. It
 * never kills a server when no other one is up.
 * @throws ClusterError `not_reachable` when no server is up at the start; any other error of the driver
 */
export async function runFaults(options: RunFaultsOptions): Promise<FaultsOutcome> {
  const run = new FaultRun(options);
  try {
    await run.begin();
    for (const action of options.plan) {
      if (options.signal.aborted) break;
      await run.perform(action);
    }
  } catch (error) {
    options.log(`ERROR: ${(error as Error).message}`);
    // The first error is the one to tell of.
    await run.heal().catch(() => undefined);
    throw error;
  }
  await run.heal();
  return run.end();
}

class FaultRun {
  readonly #options: RunFaultsOptions;
  readonly #states = new Map<number, ServerState>();
  /** Taken down by us, and not seen since. */
  readonly #down = new Map<number, FaultServer>();
  #wait: RingView['wait'];
  #cycle = 0;
  #kills = 0;
  #restarts = 0;
  #failed = 0;

  constructor(options: RunFaultsOptions) {
    this.#options = options;
  }

  /** A ring in which nothing is up would be a long run of nothing but failures. */
  async begin(): Promise<void> {
    const { servers } = this.#options;
    const looks = await Promise.all(servers.map((server) => this.#look(server)));
    if (looks.some(({ process }) => process !== null)) return;
    const reasons = looks.map(({ problem }, index) => `Server ${servers[index]!.id}: ${problem ?? 'not running'}`);
    throw new ClusterError('not_reachable', `no server is up, there is nothing to break (${reasons.join('; ')})`);
  }

  async perform({ delayMs, cycle, serverId, action }: PlannedAction): Promise<void> {
    const { servers, log, plan, signal } = this.#options;
    const server = servers.find(({ id }) => id === serverId)!;
    // A server that was not taken down is left as it is, running or not.
    if (action === 'restart' && !this.#down.has(serverId)) return;
    if (delayMs > 0) await this.#pause(delayMs, action === 'restart' ? serverId : undefined);
    if (signal.aborted) return;
    if (action === 'restart') return this.#restart(server);
    if (cycle !== this.#cycle) log(`===== CYCLE ${cycle}/${plan.at(-1)!.cycle} =====`);
    this.#cycle = cycle;
    log(`Ring Algorithm: Processing Server ${serverId}`);
    await this.#kill(server);
  }

  /** Starts what is down. A bug at one server is thrown only when the others have been started. */
  async heal(): Promise<void> {
    const { log, signal } = this.#options;
    if (signal.aborted) {
      const more = this.#down.size === 0 ? 'no server is down' : 'restarting what is down (Ctrl-C again ends at once)';
      log(`Interrupted: ${more}`);
    }
    const bugs: unknown[] = [];
    for (const server of [...this.#down.values()]) {
      await this.#restart(server).catch((bug: unknown) => bugs.push(bug));
    }
    if (bugs.length > 0) throw bugs[0];
  }

  end(): FaultsOutcome {
    const { log, signal, servers } = this.#options;
    const interrupted = signal.aborted;
    const [kills, restarts, failed] = [this.#kills, this.#restarts, this.#failed];
    const ids = (state: ServerState): string =>
      servers.flatMap(({ id }) => (this.#states.get(id) === state ? [id] : [])).join(', ');
    const lost = ids('down') === '' ? '' : `, DOWN: ${ids('down')}`;
    log(`===== FAULT SIMULATION ${interrupted ? 'INTERRUPTED' : 'COMPLETE'} =====`);
    log(`Kills: ${kills}, restarts: ${restarts}, failed: ${failed}; servers UP: ${ids('up') || 'none'}${lost}`);
    return { kills, restarts, failed, interrupted, down: [...this.#down.keys()] };
  }

  async #pause(delayMs: number, restartOf: number | undefined): Promise<void> {
    const { log, wait, clock, signal } = this.#options;
    const purpose = restartOf === undefined ? 'moving to next server in ring' : `restarting Server ${restartOf}`;
    log(`Waiting ${showSecs(delayMs)} before ${purpose}...`);
    this.#wait = { untilMs: clock.monotonicMs() + delayMs, restartOf };
    this.#show();
    await wait(delayMs, signal);
    this.#wait = undefined;
    this.#show();
  }

  async #kill(server: FaultServer): Promise<void> {
    const { log, driver, signal } = this.#options;
    const name = `Server ${server.id}`;
    log(`Attempting to kill ${name} on ${server.host}`);
    const { process, problem = 'it is not running' } = await this.#look(server);
    if (process === null) return this.#fail(server, 'kill', null, `Cannot kill ${name} on ${server.host}`, problem);
    const { pid } = process;
    log(`Found ${name} PID: ${pid} on ${server.host}`);
    if (!(await this.#isAnotherUp(server))) {
      return this.#fail(server, 'kill', pid, `Not killing ${name} on ${server.host}`, 'no other server is up');
    }
    if (signal.aborted) return;
    this.#record(server, 'kill', 'started', pid);
    // Before it is done: when it goes wrong half-way, the server may be down all the same.
    this.#down.set(server.id, server);
    try {
      await driver.kill(server, process);
    } catch (error) {
      if ((await this.#look(server)).process !== null) this.#down.delete(server.id);
      return this.#fail(server, 'kill', pid, `Cannot kill ${name} on ${server.host}`, reasonOf(error));
    }
    this.#kills += 1;
    log(`SUCCESS: Killed ${name} (PID ${pid}) on ${server.host}`);
    this.#record(server, 'kill', 'done', pid);
    this.#setState(server, 'down');
  }

  async #restart(server: FaultServer): Promise<void> {
    const { log, driver } = this.#options;
    const where = `Server ${server.id} on ${server.host}`;
    log(`Attempting to restart ${where}`);
    this.#record(server, 'restart', 'started', null);
    // Somebody else may have been faster, and after a kill that failed it may run still.
    const before = (await this.#look(server)).process;
    let process: ServerProcess;
    try {
      process = before ?? (await driver.start(server));
    } catch (error) {
      const text = `Server ${server.id} did not come back on ${server.host}`;
      return this.#fail(server, 'restart', null, text, reasonOf(error));
    }
    this.#down.delete(server.id);
    this.#restarts += 1;
    log(before ? `${where} runs already (PID ${process.pid})` : `SUCCESS: Restarted ${where} (PID ${process.pid})`);
    this.#record(server, 'restart', 'done', process.pid, before && 'it ran already');
    this.#setState(server, 'up');
  }

  async #isAnotherUp({ id }: FaultServer): Promise<boolean> {
    const others = this.#options.servers.filter((server) => server.id !== id);
    const looks = await Promise.all(others.map((server) => this.#look(server)));
    return looks.some(({ process }) => process !== null);
  }

  /** Its process, or why there is none that we could name. */
  async #look(server: FaultServer): Promise<{ process: ServerProcess | null; problem?: string }> {
    try {
      const process = await this.#options.driver.find(server);
      this.#states.set(server.id, process === null ? 'down' : 'up');
      return { process };
    } catch (error) {
      const problem = reasonOf(error);
      this.#states.set(server.id, 'unknown');
      return { process: null, problem };
    } finally {
      this.#show();
    }
  }

  #setState(server: FaultServer, state: 'up' | 'down'): void {
    this.#states.set(server.id, state);
    this.#options.log(`Server ${server.id} is now ${state.toUpperCase()}`);
    this.#show();
  }

  #fail(server: FaultServer, action: 'kill' | 'restart', pid: number | null, text: string, reason: string): void {
    this.#failed += 1;
    this.#options.log(`ERROR: ${text}: ${reason}`);
    this.#record(server, action, 'failed', pid, reason);
  }

  #record(
    { id: server_id, host }: FaultServer,
    action: 'kill' | 'restart',
    outcome: FaultEvent['outcome'],
    pid: number | null,
    detail: string | null = null,
  ): void {
    const { record, clock } = this.#options;
    record({ time: clock.unixMs(), cycle: this.#cycle, server_id, host, action, outcome, pid, detail });
  }

  #show(): void {
    const { servers, show } = this.#options;
    show({ servers: servers.map(({ id }) => ({ id, state: this.#states.get(id) ?? 'unknown' })), wait: this.#wait });
  }
}

/** Why the driver refused or failed. @throws what is a bug and no reason */
function reasonOf(error: unknown): string {
  if (error instanceof ClusterError) return error.message;
  throw error;
}
