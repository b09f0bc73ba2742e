/** The course of a fault simulation: waits, targets, faults and heals, step by step. */
import type { FaultServer } from '../config/faults-config';
import { NEVER } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { StatusFields } from '../core/protocol';
import { ActiveFaults, type Counts, type FaultTarget } from './active-faults';
import { agree, leaderOf } from './leader';
import { chooseTargets, type Step } from './plan';
import { nullIfRefused } from './refusal';
import type { ClusterViewModel, ServerState } from './cluster-view-model';
import { showSecs } from './banner';
import { FAULT_LABELS, TITLES } from './fault-labels';
import type { RunFaultsOptions } from './run-options';

/** The outcome of a plan. */
export type FaultsOutcome = Counts & {
  interrupted: boolean;
  /** The reason for an early end other than an interruption. */
  ended_early: string | null;
  /** Servers that did not come back after a fault. */
  down: number[];
};

/** Time for all servers to agree after a heal: six times the default failure and election timeouts (3 s and 2 s). */
const AGREEMENT_MS = 30_000;
/** Time for one server to report a leader: twice those timeouts. */
const LEADER_MS = 10_000;
/** Far below these timeouts. */
const ASK_AGAIN_MS = 200;

/**
 * Performs a plan. However it ends (the end of the plan, an abort, a server that does not come back, an error), its
 * faults are healed. It never takes down the last running server unless allowed.
 * @throws ClusterError `not_reachable` if no server is running at the start; any other error of the driver
 */
export async function runFaults(options: RunFaultsOptions): Promise<FaultsOutcome> {
  const run = new FaultRun(options);
  try {
    await run.begin();
    for (const step of options.plan) {
      if (run.isOver) break;
      await run.perform(step);
    }
  } catch (error) {
    options.log(`ERROR: ${(error as Error).message}`);
    // The first error is the one to report.
    await run.heal().catch(() => undefined);
    throw error;
  }
  await run.heal();
  return run.end();
}

class FaultRun {
  private readonly active: ActiveFaults;
  /** Aborted when no more faults are to be injected. */
  private readonly over: AbortSignal;
  private wait: ClusterViewModel['wait'];
  /** The targets so far in this cycle. */
  private readonly hit = new Set<number>();
  private endedEarly: string | null = null;

  constructor(private readonly options: RunFaultsOptions) {
    this.active = new ActiveFaults(options, () => this.show());
    this.over = AbortSignal.any([options.signal, options.abort ?? NEVER]);
  }

  get isOver(): boolean {
    return this.over.aborted || this.endedEarly !== null;
  }

  /** Fails at the start if no server is running, as every step would fail. */
  async begin(): Promise<void> {
    const { servers } = this.options;
    const looks = await Promise.all(servers.map((server) => this.active.look(server)));
    if (looks.some(({ process }) => process !== null)) return;
    const reasons = looks.map(({ problem }, index) => `Server ${servers[index]!.id}: ${problem ?? 'not running'}`);
    throw new ClusterError(
      'not_reachable',
      `no server is running: there is no target for faults (${reasons.join('; ')})`,
    );
  }

  async perform(step: Step): Promise<void> {
    const { log, plan, pattern } = this.options;
    await this.waitFor(step);
    if (this.isOver) return;
    if (step.cycle !== this.active.cycle) {
      log(`===== CYCLE ${step.cycle}/${plan.at(-1)!.cycle} =====`);
      this.hit.clear();
    }
    this.active.cycle = step.cycle;
    const targets = await this.targets(step);
    if (targets.length === 0) return;
    log(`${TITLES[pattern]}: Processing ${names(targets.map(({ id }) => id))}`);
    await this.injectAll(targets, step);
    await this.hold(step);
    // Faults that are active when the plan is over are healed by `heal`, which logs it.
    if (!this.isOver) await this.healAll();
    const lost = this.active.ids;
    if (!this.isOver && lost.length > 0) this.endEarly(`${names(lost)} did not come back`);
  }

  /** Heals all active faults. A bug at one server is thrown only after the others are healed. */
  async heal(): Promise<void> {
    const { log, signal, abort } = this.options;
    const hasActive = this.active.ids.length > 0;
    const what = hasActive ? 'healing the active faults' : 'no fault is active';
    if (signal.aborted) log(`Interrupted: ${what}${hasActive ? ' (Ctrl-C again ends at once)' : ''}`);
    else if (abort?.aborted) this.endEarly(String(abort.reason));
    if (!signal.aborted && this.endedEarly !== null) log(`ABORTED: ${this.endedEarly}; ${what}`);
    await this.healAll();
  }

  end(): FaultsOutcome {
    const { log, signal, servers } = this.options;
    const interrupted = signal.aborted;
    const { counts } = this.active;
    const inState = (state: ServerState): string =>
      servers.flatMap(({ id }) => (this.active.stateOf(id) === state ? [id] : [])).join(', ');
    const lost = (['down', 'paused', 'partitioned', 'delayed', 'lossy'] as const)
      .map((state) => (inState(state) === '' ? '' : `, ${state.toUpperCase()}: ${inState(state)}`))
      .join('');
    const how = interrupted ? 'INTERRUPTED' : this.endedEarly === null ? 'COMPLETE' : 'ABORTED';
    log(`===== FAULT SIMULATION ${how} =====`);
    const { faults, healed, failed } = counts;
    log(`Faults: ${faults}, healed: ${healed}, failed: ${failed}; servers UP: ${inState('up') || 'none'}${lost}`);
    return { ...counts, interrupted, ended_early: interrupted ? null : this.endedEarly, down: this.active.ids };
  }

  /** An error in the middle (a bug, a lost connection) must not leave the others half-way. */
  private async injectAll(targets: readonly FaultServer[], { fault, holdMs }: Step): Promise<void> {
    const admitted: FaultTarget[] = [];
    for (const server of targets) {
      const target = await this.active.admit(
        server,
        fault,
        admitted.map((each) => each.server.id),
      );
      if (target !== null) admitted.push(target);
    }
    if (this.isOver) return;
    for (const { server } of admitted) this.hit.add(server.id);
    await allOf(admitted.map((target) => this.active.inject(target, fault, holdMs)));
  }

  private healAll(): Promise<void> {
    return allOf(this.active.ids.map((id) => this.active.heal(id)));
  }

  private async waitFor({ afterMs, afterAgreement }: Step): Promise<void> {
    const { log, pattern } = this.options;
    const next = pattern === 'ring' ? 'moving to next server in ring' : 'the next fault';
    if (afterMs > 0) await this.pause(afterMs, `Waiting ${showSecs(afterMs)} before ${next}...`, {});
    if (!afterAgreement) return;
    log('Waiting until the servers agree on a leader...');
    const isAgreed = await this.until(AGREEMENT_MS, async () => agree(await this.askUp()));
    if (!isAgreed && !this.isOver)
      this.endEarly(`the servers do not agree on a leader after ${showSecs(AGREEMENT_MS)}`);
  }

  private async hold({ fault, holdMs }: Step): Promise<void> {
    const ids = this.active.ids;
    if (this.isOver || ids.length === 0 || holdMs === 0) return;
    const { healing, toHeal } = FAULT_LABELS[fault.kind];
    const text = `Waiting ${showSecs(holdMs)} before ${healing} ${names(ids)}...`;
    await this.pause(holdMs, text, { healing: toHeal, serverIds: ids });
  }

  private async pause(
    ms: number,
    text: string,
    what: Omit<NonNullable<ClusterViewModel['wait']>, 'untilMs'>,
  ): Promise<void> {
    const { log, wait, clock } = this.options;
    log(text);
    this.wait = { untilMs: clock.monotonicMs() + ms, ...what };
    this.show();
    await wait(ms, this.over);
    this.wait = undefined;
    this.show();
  }

  /** Asks for the leader right before the fault. */
  private async targets(step: Step): Promise<FaultServer[]> {
    const { servers, log } = this.options;
    let leaderId: number | null = null;
    if (step.role !== 'any') {
      const isKnown = await this.until(LEADER_MS, async () => (leaderId = leaderOf(await this.askUp())) !== null);
      if (!isKnown) return this.leaveOut(`no server reports a leader within ${showSecs(LEADER_MS)}`);
      log(`Server ${leaderId} leads`);
    }
    const targets = chooseTargets(step, leaderId, this.hit).flatMap((id) => servers.filter((one) => one.id === id));
    return targets.length > 0 ? targets : this.leaveOut(`none of the servers listed here is a ${step.role}`);
  }

  private leaveOut(why: string): [] {
    if (this.isOver) return [];
    this.active.counts.failed += 1;
    this.options.log(`ERROR: ${why}: this step is skipped`);
    return [];
  }

  /** Asks the servers that should be running for their status. */
  private askUp(): Promise<(StatusFields | null)[]> {
    const { servers, driver } = this.options;
    const up = servers.filter(({ id }) => this.active.stateOf(id) === 'up');
    return Promise.all(up.map(({ id }) => driver.status(id).catch(nullIfRefused)));
  }

  /** Polls; false if it was not met in time, or the plan is over. */
  private async until(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
    const { clock, wait } = this.options;
    const endMs = clock.monotonicMs() + limitMs;
    while (!this.isOver) {
      if (await isSo()) return true;
      if (clock.monotonicMs() >= endMs) return false;
      await wait(ASK_AGAIN_MS, this.over);
    }
    return false;
  }

  private endEarly(reason: string): void {
    this.endedEarly ??= reason;
  }

  private show(): void {
    const { servers, show } = this.options;
    const views = servers.map(({ id }) => ({ id, state: this.active.stateOf(id), fault: this.active.faultOf(id) }));
    show({ servers: views, wait: this.wait });
  }
}

/** `Server 1`, or `Server 1, Server 3` */
function names(ids: readonly number[]): string {
  return ids.map((id) => `Server ${id}`).join(', ');
}

/** Waits for all, then throws the first error, if there is one. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
