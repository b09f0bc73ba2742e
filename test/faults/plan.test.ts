import fc from 'fast-check';
import { FAULT_GROUPS, FAULT_PATTERNS, type FaultGroup, type FaultPattern } from '../../src/config/fault-settings';
import type { FaultSpec } from '../../src/config/faults-spec';
import { FAULT_KINDS } from '../../src/core/fault-kinds';
import { chooseTargets, planFaults, type Step, timetable } from '../../src/faults/plan';
import { ringOfKills } from './ring-of-kills';

const TIMES = { cycles: 2, restartDelayMs: 10_000, intervalMs: 30_000 };
const specOf = (changes: Partial<FaultSpec>): FaultSpec => ({ ...ringOfKills(TIMES), ...changes });

const delays = fc.integer({ min: 0, max: 100_000 });
const given = fc.record({
  ids: fc.uniqueArray(fc.integer({ min: 1, max: 4294967295 }), { minLength: 3, maxLength: 6 }),
  spec: fc.record({
    pattern: fc.constantFrom<FaultPattern>(...FAULT_PATTERNS),
    target: fc.constantFrom<FaultGroup>(...FAULT_GROUPS),
    kinds: fc
      .uniqueArray(fc.constantFrom(...FAULT_KINDS), { minLength: 1 })
      .map((kinds) => kinds.map((kind, index) => ({ kind, weight: index + 1 }))),
    cycles: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
    restartDelayMs: delays,
    intervalMs: delays,
    count: fc.integer({ min: 1, max: 2 }),
  }),
});

type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

function holdsFor(check: (plan: Step[], given: Given) => void): void {
  fc.assert(
    fc.property(given, (each) => {
      const count = each.spec.target === 'leader' ? 1 : each.spec.count;
      check(planFaults(each.ids, specOf({ ...each.spec, count })), each);
    }),
  );
}

describe('any plan', () => {
  it('the same spec gives the same plan', () => {
    holdsFor((plan, { ids, spec }) => {
      const count = spec.target === 'leader' ? 1 : spec.count;
      expect(planFaults(ids, specOf({ ...spec, count }))).toEqual(plan);
    });
  });

  it('begins at once, waits between steps, and holds each fault for the configured time', () => {
    holdsFor((plan, { spec }) => {
      expect(plan[0]!.afterMs).toBe(0);
      for (const step of plan.slice(1)) expect(step.afterMs).toBe(spec.pattern === 'rolling' ? 0 : spec.intervalMs);
      for (const step of plan) {
        expect(step.afterAgreement).toBe(spec.pattern === 'rolling');
        expect(step.holdMs).toBe(step.fault.kind === 'restart' ? 0 : spec.restartDelayMs);
      }
    });
  });

  it('contains only the named kinds and servers, each server once per step', () => {
    holdsFor((plan, { ids, spec }) => {
      for (const { fault, candidates, count } of plan) {
        expect(spec.kinds.map(({ kind }) => kind)).toContain(fault.kind);
        expect(candidates.filter((id) => !ids.includes(id))).toEqual([]);
        expect(new Set(candidates).size).toBe(candidates.length);
        expect(count).toBeLessThanOrEqual(candidates.length);
      }
    });
  });

  it('reaches every server in every cycle (or the leader once)', () => {
    holdsFor((plan, { ids, spec }) => {
      for (let cycle = 1; cycle <= spec.cycles; cycle++) {
        const steps = plan.filter((step) => step.cycle === cycle);
        if (spec.target === 'leader') {
          expect(steps.map(({ role }) => role)).toEqual(['leader']);
          continue;
        }
        const hit = new Set<number>();
        for (const step of steps) for (const id of chooseTargets(step, ids[0]!, hit)) hit.add(id);
        const expected = spec.target === 'followers' ? ids.slice(1) : ids;
        expect([...hit].sort()).toEqual([...expected].sort());
      }
    });
  });
});

const groups = (changes: Partial<FaultSpec>, ids = [1, 2, 3]): number[][] =>
  planFaults(ids, specOf(changes)).map(({ candidates }) => [...candidates]);

describe('patterns', () => {
  it('ring: in the given order, over and over', () => {
    expect(groups({}, [2, 1, 3])).toEqual([[2], [1], [3], [2], [1], [3]]);
  });

  it('ids: only these, in their order', () => {
    expect(groups({ target: [3, 1] })).toEqual([[3], [1], [3], [1]]);
  });

  it('random: every cycle has its own shuffle, and so has every seed', () => {
    const orders = Array.from({ length: 50 }, (_, seed) => groups({ pattern: 'random', seed, cycles: 1 }).join());
    expect(new Set(orders).size).toBe(6);
    const cycles = groups({ pattern: 'random', seed: 5, cycles: 30 }, [1, 2, 3]).join();
    expect(cycles).not.toBe(groups({ pattern: 'random', seed: 6, cycles: 30 }, [1, 2, 3]).join());
  });

  it('simultaneous: continues around the ring in the next cycle', () => {
    expect(groups({ pattern: 'simultaneous', count: 2 })).toEqual([
      ...[
        [1, 2],
        [3, 1],
      ],
      ...[
        [2, 3],
        [1, 2],
      ],
    ]);
    expect(groups({ pattern: 'simultaneous', count: 2, cycles: 1 }, [1, 2, 3, 4])).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});

describe('roles', () => {
  const step = (changes: Partial<FaultSpec>): Step => planFaults([1, 2, 3], specOf(changes))[0]!;
  const none = new Set<number>();

  it('the leader, if there is one', () => {
    expect(chooseTargets(step({ target: 'leader' }), 2, none)).toEqual([2]);
    expect(chooseTargets(step({ target: 'leader' }), null, none)).toEqual([]);
    expect(chooseTargets(step({ target: 'leader' }), 9, none)).toEqual([]);
  });

  it('followers: first those that had no turn in this cycle', () => {
    const followers = step({ target: 'followers' });
    expect(chooseTargets(followers, 1, none)).toEqual([2]);
    expect(chooseTargets(followers, 1, new Set([2]))).toEqual([3]);
    // The leader has changed, and all others had their turn.
    expect(chooseTargets(followers, 3, new Set([1, 2]))).toEqual([1]);
    expect(chooseTargets(step({ target: 'followers', pattern: 'simultaneous', count: 2 }), 2, none)).toEqual([1, 3]);
  });
});

describe('kinds', () => {
  it('are drawn by weight', () => {
    const kinds = [
      { kind: 'kill' as const, weight: 3 },
      { kind: 'pause' as const, weight: 1 },
    ];
    const plan = planFaults([1], specOf({ kinds, cycles: 4000, seed: 1 }));
    const kills = plan.filter(({ fault }) => fault.kind === 'kill').length;
    expect(kills / plan.length).toBeGreaterThan(0.72);
    expect(kills / plan.length).toBeLessThan(0.78);
  });

  it('carry their parameters', () => {
    const faultOf = (kind: (typeof FAULT_KINDS)[number]) =>
      planFaults(
        [1],
        specOf({
          kinds: [{ kind, weight: 1 }],
          partitionFrom: 'peers',
          delayMs: 200,
          jitterMs: 100,
          lossPercent: 20,
        }),
      )[0]!.fault;
    expect(FAULT_KINDS.map(faultOf)).toEqual([
      ...[{ kind: 'kill' }, { kind: 'terminate' }, { kind: 'pause' }, { kind: 'partition', from: 'peers' }],
      ...[{ kind: 'delay', delayMs: 200, jitterMs: 100 }, { kind: 'loss', lossPercent: 20 }, { kind: 'restart' }],
    ]);
  });
});

it("the guide's timetable", () => {
  const rows = timetable(planFaults([1, 2], ringOfKills(TIMES)));
  expect(
    rows.map(({ atMs, healedMs, cycle, candidates }) => [atMs / 1000, healedMs / 1000, cycle, ...candidates]),
  ).toEqual([
    [0, 10, 1, 1],
    [40, 50, 1, 2],
    [80, 90, 2, 1],
    [120, 130, 2, 2],
  ]);
});
