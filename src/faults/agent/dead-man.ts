import type { FaultKind } from '../../core/fault-kinds';
import type { Driver, Fault, ServerProcess } from '../driver';
import { nullIfRefused, refused } from '../refusal';

interface OpenFault {
  kind: FaultKind;
  timer: NodeJS.Timeout;
}

/** How often a server that does not come back is tried again, when nobody else will. */
const ATTEMPTS = 3;

/** Performs faults through a driver, and mends each of them itself when its time is over or nobody is in charge. */
export class DeadMan {
  readonly #open = new Map<number, OpenFault>();
  /** By server: one thing at a time. */
  readonly #busy = new Map<number, Promise<unknown>>();
  #isOver = false;

  /**
   * @param driver has all servers
   * @param say takes what it did by itself, for the server's log
   */
  constructor(
    private readonly driver: Driver,
    private readonly say: (serverId: number, text: string) => void,
  ) {}

  /** @throws ClusterError as the driver does, and for a server that is broken already */
  break(serverId: number, process: ServerProcess, fault: Fault, healWithinMs: number): Promise<void> {
    return this.#inTurn(serverId, async () => {
      if (this.#isOver) throw refused('the fault agent is ending');
      if (this.#open.has(serverId)) throw refused('it is broken already');
      // Before it is done: it may be cut off half-way.
      const timer = setTimeout(() => void this.#lateMend(serverId, timer), healWithinMs);
      this.#open.set(serverId, { kind: fault.kind, timer });
      try {
        await this.driver.break(serverId, process, fault, healWithinMs);
      } catch (error) {
        const isUp = (await this.driver.find(serverId).catch(nullIfRefused)) !== null;
        if (isUp) this.#forget(serverId);
        throw error;
      }
    });
  }

  mend(serverId: number, kind: FaultKind): Promise<ServerProcess> {
    return this.#inTurn(serverId, async () => {
      const process = await this.driver.mend(serverId, kind);
      this.#forget(serverId);
      return process;
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
    const open = this.#open.get(serverId);
    if (open === undefined) return;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const { pid } = await this.driver.mend(serverId, open.kind);
        this.#forget(serverId);
        return this.say(serverId, `the fault "${open.kind}" was mended (PID ${pid}): ${reason}`);
      } catch (error) {
        this.say(serverId, `the fault "${open.kind}" cannot be mended: ${(error as Error).message}`);
      }
    }
  }

  #forget(serverId: number): void {
    clearTimeout(this.#open.get(serverId)?.timer);
    this.#open.delete(serverId);
  }

  #inTurn<T>(serverId: number, work: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(serverId) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#busy.set(serverId, turn);
    return turn;
  }
}
