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
  'shape',
  'together',
] as const;
type FaultKind = (typeof KINDS)[number];

/** Steps at one time, and those that end it. */
interface Fault {
  steps: string[];
  heals: string[];
}

type Act = (steps: readonly string[]) => void;

/** Breaks and heals a world at random, in rounds; each step is performed by `act` at its time. */
export class RandomFaults {
  private readonly agenda: { atMs: number; run: () => void }[] = [];

  constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly isOff: (kind: FaultKind | 'disturbed start') => boolean,
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
    const [step] = fault.steps;
    // No machine is switched on and off every second.
    const mayFlap = fault.heals.length > 0 && !step!.startsWith('power-off');
    if (mayFlap && random() < 0.1) return this.flap(fault);
    this.act(fault.steps);
    const durationMs = pick(random, DURATIONS_MS) * (0.7 + 0.6 * random());
    if (fault.heals.length > 0) this.later(durationMs, fault.heals);
  }

  /** Faults that come and go with periods near those of the detectors. */
  private flap({ steps, heals }: Fault): void {
    const { random, world } = this;
    const { heartbeatMs, failureTimeoutMs } = world.options.timings;
    const periodMs = pick(random, [heartbeatMs, heartbeatMs, failureTimeoutMs]) * pick(random, [0.5, 0.95, 1, 1.05, 2]);
    const brokenMs = periodMs * pick(random, [0.1, 0.5, 0.9]);
    const count = 2 + Math.floor(random() * 5);
    for (let index = 0; index < count; index++) {
      this.later(index * periodMs, steps);
      this.later(index * periodMs + brokenMs, heals);
    }
  }

  private later(delayMs: number, steps: readonly string[]): void {
    this.at(this.world.queue.nowMs + delayMs, () => {
      this.act(steps);
      const [verb, id] = steps[0]!.split(' ');
      if (verb === 'restart' && this.random() < 0.3 && !this.isOff('disturbed start')) this.disturbStart(Number(id));
    });
  }

  /** A machine is busiest when servers start: one may stand still before it has heard anybody. */
  private disturbStart(id: number): void {
    const { random, world } = this;
    const afterMs = pick(random, [0, 1, 2, 60]) * random();
    this.later(afterMs, [`pause ${id}`]);
    this.later(afterMs + pick(random, [0.5, 1.2, 2]) * world.heartbeatMs * (0.5 + random()), [`resume ${id}`]);
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
    const heals = [`heal ${id}`];
    switch (kind) {
      case 'kill':
      case 'power-off':
      case 'terminate':
        return { steps: [`${kind} ${id}`], heals: [`restart ${id}`] };
      case 'pause':
        return { steps: [`pause ${id}`], heals: [`resume ${id}`] };
      case 'cut': {
        const how = pick(random, ['silent', 'reset', 'packets']);
        return { steps: [`cut ${id} from ${this.someOthers(id).join()} ${how} ${this.direction()}`], heals };
      }
      case 'block':
        return {
          steps: [`block ${id} from ${this.someOthers(id).join()} ${pick(random, ['silent', 'reset'])}`],
          heals,
        };
      case 'slow': {
        const delayMs = pick(random, [0, 0.02, 0.2]) * random() * world.heartbeatMs;
        return { steps: [`slow ${id} by ${delayMs} loss ${pick(random, [0, 0.05, 0.2])}`], heals };
      }
      case 'starve':
        return { steps: [`starve ${id} by ${pick(random, [0.01, 0.1, 0.3]) * world.heartbeatMs}`], heals };
      case 'drop':
        return { steps: [`drop ${id} ${pick(random, world.serverIds)}`], heals: [] };
      case 'corrupt':
        return { steps: [`corrupt ${id}`], heals: [`corrupt ${id} off`] };
      case 'pause clients': {
        const name = pick(random, [...world.programs.keys()]);
        return { steps: [`pause ${name}`], heals: [`resume ${name}`] };
      }
      case 'shape':
        return this.shape();
      case 'together':
        return this.together();
    }
  }

  /** Cuts until the servers are a line, a ring, a star, or two groups with one link. */
  private shape(): Fault | null {
    const { random, world } = this;
    const ids = shuffled(world.serverIds, random);
    const last = ids.length - 1;
    if (last < 2) return null;
    const isLinked = pick<(a: number, b: number) => boolean>(random, [
      (a, b) => b - a === 1,
      (a, b) => b - a === 1,
      (a, b) => b - a === 1 || b - a === last,
      (a) => a === 0,
      (a, b) => a % 2 === b % 2 || b - a === last,
    ]);
    const how = pick(random, ['silent', 'reset', 'packets']);
    const steps = ids.flatMap((id, a) => {
      const cut = ids.filter((_, b) => b > a && !isLinked(a, b)).map((other) => `server${other}`);
      return cut.length > 0 ? [`cut ${id} from ${cut.join()} ${how} both`] : [];
    });
    return { steps, heals: steps.map((step) => `heal ${step.split(' ')[1]}`) };
  }

  /** Several servers fall silent at once, as when a rack loses its power or its switch. */
  private together(): Fault | null {
    const { random, world } = this;
    const ids = shuffled(world.serverIds, random);
    const silent = ids.slice(0, Math.floor(random() * ids.length));
    if (silent.length === 0) return null;
    if (random() < 0.5) return { steps: silent.map((id) => `pause ${id}`), heals: silent.map((id) => `resume ${id}`) };
    const steps = silent.map((id) => `cut ${id} from ${world.others(id).join()} packets both`);
    return { steps, heals: silent.map((id) => `heal ${id}`) };
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

function shuffled(ids: readonly number[], random: Random): number[] {
  return ids
    .map((id) => ({ id, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ id }) => id);
}
