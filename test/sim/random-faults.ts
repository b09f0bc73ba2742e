import type { Random } from '../../src/core/environment';
import { pick } from './random-world';
import type { World } from './world';

const FAULTS_START_MS = 1500;
const DURATIONS_MS = [1, 20, 300, 1200, 2500, 3500, 6000, 12_000];
const KINDS = [
  'kill',
  'kill',
  'power-off',
  'terminate',
  'pause',
  'pause',
  'cut',
  'cut',
  'cut',
  'block',
  'slow',
  'starve',
  'drop',
  'corrupt',
  'pause clients',
] as const;
export type FaultKind = (typeof KINDS)[number];

/** A step, and what ends it. */
interface Fault {
  step: string;
  heal?: string;
}

type Act = (step: string) => void;

/** Breaks and heals a world at random, in rounds; each step is performed by `act` at its time. */
export class RandomFaults {
  private readonly agenda: { atMs: number; run: () => void }[] = [];

  constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly isOff: (kind: FaultKind) => boolean,
    private readonly act: Act,
  ) {}

  /** Returns when the last fault is healed, and some time after it is over. */
  run(): number {
    const { world, random } = this;
    const rounds = 1 + Math.floor(random() * 4);
    let timeMs = FAULTS_START_MS;
    for (let round = 0; round < rounds; round++) {
      this.plan(timeMs);
      this.perform();
      timeMs = world.queue.nowMs + pick(random, [10, 500, 2500, 9000]) * random();
    }
    return timeMs;
  }

  private plan(startMs: number): void {
    const { random } = this;
    const count = 1 + Math.floor(random() * random() * 4);
    let timeMs = startMs;
    // Several faults of one server are rare by chance.
    const isOfOne = random() < 0.15;
    let chosenId: number | undefined;
    for (let index = 0; index < count; index++) {
      this.at(timeMs, () => {
        chosenId = isOfOne ? (chosenId ?? this.anyServer()) : this.anyServer();
        this.begin(chosenId);
      });
      timeMs += pick(random, [0, 0.5, 30, 1500]) * random();
    }
  }

  private begin(id: number): void {
    const { random } = this;
    const fault = this.randomFault(id);
    if (fault === null) return;
    // No machine is switched on and off every second.
    const mayFlap = fault.heal !== undefined && !fault.step.startsWith('power-off');
    if (mayFlap && random() < 0.1) return this.flap(fault.step, fault.heal!);
    this.act(fault.step);
    const durationMs = pick(random, DURATIONS_MS) * (0.7 + 0.6 * random());
    if (fault.heal !== undefined) this.later(durationMs, fault.heal);
  }

  /** Faults that come and go with periods near those of the detectors. */
  private flap(step: string, heal: string): void {
    const { random, world } = this;
    const { heartbeatMs, failureTimeoutMs } = world.options.timings;
    const periodMs = pick(random, [heartbeatMs, heartbeatMs, failureTimeoutMs]) * pick(random, [0.5, 0.95, 1, 1.05, 2]);
    const brokenMs = periodMs * pick(random, [0.1, 0.5, 0.9]);
    const count = 2 + Math.floor(random() * 5);
    for (let index = 0; index < count; index++) {
      this.later(index * periodMs, step);
      this.later(index * periodMs + brokenMs, heal);
    }
  }

  private later(delayMs: number, step: string): void {
    this.at(this.world.queue.nowMs + delayMs, () => this.act(step));
  }

  private at(atMs: number, run: () => void): void {
    this.agenda.push({ atMs, run });
    this.agenda.sort((a, b) => a.atMs - b.atMs);
  }

  private perform(): void {
    for (let next = this.agenda.shift(); next !== undefined; next = this.agenda.shift()) {
      this.world.runUntil(Math.max(next.atMs, this.world.queue.nowMs));
      next.run();
    }
  }

  /** Mostly the leader. */
  private anyServer(): number {
    const leaderId = this.world.leaderId();
    return leaderId !== null && this.random() < 0.5 ? leaderId : pick(this.random, this.world.serverIds);
  }

  private randomFault(id: number): Fault | null {
    const { random, world } = this;
    const kind = pick(random, KINDS);
    if (this.isOff(kind)) return null;
    const heal = `heal ${id}`;
    switch (kind) {
      case 'kill':
      case 'power-off':
      case 'terminate':
        return { step: `${kind} ${id}`, heal: `restart ${id}` };
      case 'pause':
        return { step: `pause ${id}`, heal: `resume ${id}` };
      case 'cut': {
        const how = pick(random, ['silent', 'reset', 'packets']);
        return { step: `cut ${id} from ${this.someOthers(id).join()} ${how} ${this.direction()}`, heal };
      }
      case 'block':
        return { step: `block ${id} from ${this.someOthers(id).join()} ${pick(random, ['silent', 'reset'])}`, heal };
      case 'slow': {
        const delayMs = pick(random, [0, 0.02, 0.2]) * random() * world.heartbeatMs;
        return { step: `slow ${id} by ${delayMs} loss ${pick(random, [0, 0.05, 0.2])}`, heal };
      }
      case 'starve':
        return { step: `starve ${id} by ${pick(random, [0.01, 0.1, 0.3]) * world.heartbeatMs}`, heal };
      case 'drop':
        return { step: `drop ${id} ${pick(random, world.serverIds)}` };
      case 'corrupt':
        return { step: `corrupt ${id}`, heal: `corrupt ${id} off` };
      case 'pause clients': {
        const name = pick(random, [...world.programs.keys()]);
        return { step: `pause ${name}`, heal: `resume ${name}` };
      }
    }
  }

  /** All others, only servers, or some of them: partial cuts leave networks in which not all can reach each other. */
  private someOthers(id: number): string[] {
    const { random } = this;
    const others = this.world.others(id);
    const servers = others.filter((name) => name.startsWith('server'));
    const how = pick(random, ['all', 'servers', 'some', 'one']);
    if (how === 'all' || servers.length === 0) return others;
    if (how === 'servers') return servers;
    if (how === 'one') return [pick(random, servers)];
    const some = others.filter(() => random() < 0.5);
    return some.length > 0 ? some : servers;
  }

  private direction(): 'both' | 'in' | 'out' {
    return this.random() < 0.6 ? 'both' : pick(this.random, ['in', 'out']);
  }
}
