/** The agent's watchdog: injects faults, and heals each when its time is over or the controller is gone. */
import { NEVER } from '../../core/environment';
import { type FaultKind, isHealedByStart, isOfNetwork } from '../../core/fault-kinds';
import { pause } from '../../core/system/pause';
import type { Driver, Fault, ServerProcess } from '../driver';
import { nullIfRefused, refused } from '../refusal';
import type { OpenFault } from './lock';

interface Timed extends OpenFault {
  timer: NodeJS.Timeout;
}

export interface WatchdogOptions {
  /** The driver of all servers. */
  driver: Driver;
  /** Logs an action of its own in the server's log. */
  say(serverId: number, text: string): void;
  /** Records the active fault for the next agent; null if there is none. */
  note(serverId: number, open: OpenFault | null): void;
  wait?: typeof pause;
}

/** The attempts to heal a server that does not come back, and the wait between them. */
const ATTEMPTS = 3;
const AGAIN_MS = 1000;

export class Watchdog {
  private readonly open = new Map<number, Timed>();
  /** Serializes the actions at each server. */
  private readonly busy = new Map<number, Promise<unknown>>();
  private isOver = false;

  constructor(private readonly options: WatchdogOptions) {}

  /** @throws ClusterError as the driver does, and for a server that already has a fault */
  inject(serverId: number, process: ServerProcess, fault: Fault, healWithinMs: number): Promise<string | null> {
    const { driver, note } = this.options;
    return this.inTurn(serverId, async () => {
      // Refuses a process that cannot be identified as this server: nothing must be healed then.
      await driver.find(serverId);
      if (this.isOver) throw refused('the fault agent is ending');
      if (this.open.has(serverId)) throw refused('it already has a fault');
      // Recorded before the attempt: it may be cut off half-way.
      const timer = setTimeout(() => void this.lateHeal(serverId, timer), healWithinMs);
      this.open.set(serverId, { kind: fault.kind, process, timer });
      note(serverId, { kind: fault.kind, process });
      try {
        return await driver.inject(serverId, process, fault, healWithinMs);
      } catch (error) {
        if (await this.isWhole(serverId, fault.kind, process)) this.forget(serverId);
        throw error;
      }
    });
  }

  heal(serverId: number, kind: FaultKind, process: ServerProcess): Promise<ServerProcess> {
    return this.inTurn(serverId, async () => {
      const healed = await this.options.driver.heal(serverId, kind, process);
      this.forget(serverId);
      return healed;
    });
  }

  /** Heals everything at once when the controller is gone, and refuses new faults. Never rejects because of a server. */
  async healAll(reason: string): Promise<void> {
    this.isOver = true;
    // A fault that is being injected completes first, and is then one of the open ones.
    await Promise.all([...this.busy.values()].map((work) => work.catch(() => undefined)));
    await Promise.all([...this.open.keys()].map((id) => this.inTurn(id, () => this.healAlone(id, reason))));
  }

  private async lateHeal(serverId: number, timer: NodeJS.Timeout): Promise<void> {
    await this.inTurn(serverId, async () => {
      // It may have been healed while this waited for its turn.
      if (this.open.get(serverId)?.timer === timer) await this.healAlone(serverId, 'its time is over');
    });
  }

  private async healAlone(serverId: number, reason: string): Promise<void> {
    const { say, wait = pause } = this.options;
    const open = this.open.get(serverId);
    if (open === undefined) return;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const how = await this.undo(serverId, open);
        this.forget(serverId);
        return say(serverId, `${how}: ${reason}`);
      } catch (error) {
        say(serverId, `the fault "${open.kind}" cannot be healed: ${(error as Error).message}`);
      }
      if (attempt < ATTEMPTS) await wait(AGAIN_MS, NEVER);
    }
  }

  /** Another program may have started it already. */
  private async undo(serverId: number, { kind, process }: OpenFault): Promise<string> {
    const { driver } = this.options;
    const there = isHealedByStart(kind) ? await driver.find(serverId).catch(nullIfRefused) : null;
    if (there !== null) return `after the fault "${kind}" it is already running (PID ${there.pid})`;
    const { pid } = await driver.heal(serverId, kind, process);
    const ended = kind === 'pause' && pid !== process.pid ? `; process ${process.pid} had ended` : '';
    return `the fault "${kind}" was healed (PID ${pid}${ended})`;
  }

  /** After a fault that failed half-way: a running process is unaffected, but rules may be left in its network. */
  private async isWhole(serverId: number, kind: FaultKind, process: ServerProcess): Promise<boolean> {
    const { driver } = this.options;
    const sign = isOfNetwork(kind) ? driver.heal(serverId, kind, process) : driver.find(serverId);
    return (await sign.catch(nullIfRefused)) !== null;
  }

  private forget(serverId: number): void {
    clearTimeout(this.open.get(serverId)?.timer);
    if (this.open.delete(serverId)) this.options.note(serverId, null);
  }

  private inTurn<T>(serverId: number, work: () => Promise<T>): Promise<T> {
    const before = this.busy.get(serverId) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.busy.set(serverId, turn);
    return turn;
  }
}
