/** The plan of a fault simulation: its steps with their faults, times and possible targets. */
import type { FaultSpec } from '../config/faults-spec';
import type { Random } from '../core/environment';
import type { FaultKind } from '../core/fault-kinds';
import { seededRandom } from '../core/random';
import type { Fault } from './driver';

/** One fault at one or several servers at once, healed before the next step. */
export interface Step {
  /** The wait before it, after the heal of the previous step. */
  afterMs: number;
  /** Waits until all running servers follow one leader, instead of a fixed time. */
  afterAgreement: boolean;
  /** Counts from 1. */
  cycle: number;
  fault: Fault;
  /** The time from the last injection to the first heal. */
  holdMs: number;
  /** The ids of possible targets in order: the first `count` that have the role at that moment are taken. */
  candidates: readonly number[];
  role: 'any' | 'leader' | 'follower';
  count: number;
}

/** Returns the steps of all cycles, always the same for a spec and servers. Each step includes its heal. */
export function planFaults(serverIds: readonly number[], spec: FaultSpec): Step[] {
  const random = seededRandom(spec.seed);
  const isRolling = spec.pattern === 'rolling';
  const plan = Array.from({ length: spec.cycles }, (_, index) =>
    groupsOf(serverIds, spec, index, random).map((candidates): Step => {
      const fault = faultOf(draw(spec.kinds, random), spec);
      return {
        afterMs: isRolling ? 0 : spec.intervalMs,
        afterAgreement: isRolling,
        cycle: index + 1,
        fault,
        holdMs: fault.kind === 'restart' ? 0 : spec.restartDelayMs,
        candidates,
        role: roleOf(spec),
        count: spec.count,
      };
    }),
  ).flat();
  if (plan[0] !== undefined) plan[0] = { ...plan[0], afterMs: 0 };
  return plan;
}

/** Returns the steps with their times in milliseconds from the start, as if the actions themselves took no time. */
export function timetable(plan: readonly Step[]): (Step & { atMs: number; healedMs: number })[] {
  let nowMs = 0;
  return plan.map((step) => {
    const atMs = nowMs + step.afterMs;
    nowMs = atMs + step.holdMs;
    return { ...step, atMs, healedMs: nowMs };
  });
}

/**
 * Returns the ids of the targets of a step.
 * @param leaderId the current leader; null if there is none, or it is unknown
 * @param hit the targets so far in this cycle: of two followers, the one not hit yet comes first
 */
export function chooseTargets(step: Step, leaderId: number | null, hit: ReadonlySet<number>): number[] {
  const { role, candidates, count } = step;
  if (role === 'any') return candidates.slice(0, count);
  if (role === 'leader') return candidates.filter((id) => id === leaderId);
  const followers = candidates.filter((id) => id !== leaderId);
  const fresh = followers.filter((id) => !hit.has(id));
  return [...fresh, ...followers.filter((id) => hit.has(id))].slice(0, count);
}

/** Returns the candidates of each step of a cycle, in order. */
function groupsOf(serverIds: readonly number[], spec: FaultSpec, cycleIndex: number, random: Random): number[][] {
  const { target, count, pattern } = spec;
  const pool = typeof target === 'string' ? serverIds : target;
  const ring = pattern === 'random' ? shuffled(pool, random) : [...pool];
  if (target === 'leader') return [ring];
  const size = target === 'followers' ? ring.length - 1 : ring.length;
  const steps = Math.ceil(size / count);
  if (target === 'followers') return Array.from({ length: steps }, () => ring);
  // If the count does not divide the ring, the next cycle continues where this one ended.
  const from = pattern === 'random' ? 0 : cycleIndex * steps * count;
  return Array.from({ length: steps }, (_, step) => goingRound(ring, from + step * count, count));
}

function goingRound(ring: readonly number[], from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => ring[(from + index) % ring.length]!);
}

function roleOf({ target }: FaultSpec): Step['role'] {
  return target === 'leader' ? 'leader' : target === 'followers' ? 'follower' : 'any';
}

function faultOf(kind: FaultKind, { partitionFrom, delayMs, jitterMs, lossPercent }: FaultSpec): Fault {
  if (kind === 'partition') return { kind, from: partitionFrom };
  if (kind === 'delay') return { kind, delayMs, jitterMs };
  if (kind === 'loss') return { kind, lossPercent };
  return { kind };
}

function draw(kinds: FaultSpec['kinds'], random: Random): FaultKind {
  if (kinds.length === 1) return kinds[0]!.kind;
  let left = random() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  return kinds.find(({ weight }) => (left -= weight) < 0)?.kind ?? kinds.at(-1)!.kind;
}

/** Shuffles by Fisher and Yates. */
function shuffled(ids: readonly number[], random: Random): number[] {
  const order = [...ids];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
