import { type FaultKind, isMendedByStart, isOfNetwork } from '../../core/fault-kinds';
import { pause } from '../../core/pause';
import type { Driver, Fault, ServerProcess } from '../driver';
import { nullIfRefused, refused } from '../refusal';
import type { OpenFault } from './lock';

interface Timed extends OpenFault {
  timer: NodeJS.Timeout;
}

export interface DeadManOptions {
  /** Has all servers. */
  driver: Driver;
  /** Takes what it did by itself, for the server's log. */
  say(serverId: number, text: string): void;
  /** Takes what is broken from now on, for whoever comes after it; null: nothing. */
  note(serverId: number, open: OpenFault | null): void;
  wait?: typeof pause;
}

/** How often a server that does not come back is tried again, when nobody else will, and after how long. */
const ATTEMPTS = 3;
const AGAIN_MS = 1000;
const NEVER = new AbortController().signal;

/** Performs faults through a driver, and mends each of them itself when its time is over or nobody is in charge. */
export class DeadMan {
  readonly #open = new Map<number, Timed>();
  /** By server: one thing at a time. */
  readonly #busy = new Map<number, Promise<unknown>>();
  #isOver = false;

  constructor(private readonly options: DeadManOptions) {}

  /** @throws ClusterError as the driver does, and for a server that is broken already */
  break(serverId: number, process: ServerProcess, fault: Fault, healWithinMs: number): Promise<string | null> {
    const { driver, note } = this.options;
    return this.#inTurn(serverId, async () => {
      // Refused for what cannot be told to be this server: nothing of it is to be healed then.
      await driver.find(serverId);
      if (this.#isOver) throw refused('the fault agent is ending');
      if (this.#open.has(serverId)) throw refused('it is broken already');
      // Before it is done: it may be cut off half-way.
      const timer = setTimeout(() => void this.#lateMend(serverId, timer), healWithinMs);
      this.#open.set(serverId, { kind: fault.kind, process, timer });
      note(serverId, { kind: fault.kind, process });
      try {
        return await driver.break(serverId, process, fault, healWithinMs);
      } catch (error) {
        if (await this.#isWhole(serverId, fault.kind, process)) this.#forget(serverId);
        throw error;
      }
    });
  }

  mend(serverId: number, kind: FaultKind, process: ServerProcess): Promise<ServerProcess> {
    return this.#inTurn(serverId, async () => {
      const mended = await this.options.driver.mend(serverId, kind, process);
      this.#forget(serverId);
      return mended;
    });
  }

  /** Nobody is in charge any more: mends all at once, and breaks nothing again. Never rejects for what servers do. */
  async mendAll(reason: string): Promise<void> {
    this.#isOver = true;
    // A fault that is being performed now ends first, and is then one of the open ones.
    await Promise.all([...this.#busy.values()].map((work) => work.catch(() => undefined)));
    await Promise.all([...this.#open.keys()].map((id) => this.#inTurn(id, () => this.#mendAlone(id, reason))));
  }

  async #lateMend(serverId: number, timer: NodeJS.Timeout): Promise<void> {
    await this.#inTurn(serverId, async () => {
      // It may have been mended while this waited for its turn.
      if (this.#open.get(serverId)?.timer === timer) await this.#mendAlone(serverId, 'its time is over');
    });
  }

  async #mendAlone(serverId: number, reason: string): Promise<void> {
    const { say, wait = pause } = this.options;
    const open = this.#open.get(serverId);
    if (open === undefined) return;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const how = await this.#undo(serverId, open);
        this.#forget(serverId);
        return say(serverId, `${how}: ${reason}`);
      } catch (error) {
        say(serverId, `the fault "${open.kind}" cannot be mended: ${(error as Error).message}`);
      }
      if (attempt < ATTEMPTS) await wait(AGAIN_MS, NEVER);
    }
  }

  /** Somebody may have started it already. */
  async #undo(serverId: number, { kind, process }: OpenFault): Promise<string> {
    const { driver } = this.options;
    const there = isMendedByStart(kind) ? await driver.find(serverId).catch(nullIfRefused) : null;
    if (there !== null) return `after the fault "${kind}" it runs already (PID ${there.pid})`;
    const { pid } = await driver.mend(serverId, kind, process);
    const ended = kind === 'pause' && pid !== process.pid ? `; process ${process.pid} had ended` : '';
    return `the fault "${kind}" was mended (PID ${pid}${ended})`;
  }

  /** After a fault that failed half-way: a process that is there has nothing, but there may be rules in its network. */
  async #isWhole(serverId: number, kind: FaultKind, process: ServerProcess): Promise<boolean> {
    const { driver } = this.options;
    const sign = isOfNetwork(kind) ? driver.mend(serverId, kind, process) : driver.find(serverId);
    return (await sign.catch(nullIfRefused)) !== null;
  }

  #forget(serverId: number): void {
    clearTimeout(this.#open.get(serverId)?.timer);
    if (this.#open.delete(serverId)) this.options.note(serverId, null);
  }

  #inTurn<T>(serverId: number, work: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(serverId) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#busy.set(serverId, turn);
    return turn;
  }
}
