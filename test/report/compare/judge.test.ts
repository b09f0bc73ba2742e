import * as fc from 'fast-check';
import { scopesOf } from '../../../src/report/compare/compare';
import type { JudgedRow, Scope } from '../../../src/report/compare/comparison';
import type { FigureName } from '../../../src/report/compare/estimate';
import { judge } from '../../../src/report/compare/judge';
import type { Block, Blocks } from '../../../src/report/report-blocks';
import { blocksIn, type Load, simulate } from './load-model';
import { blockWith } from './simulate';

const ofCount = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

/** Five blocks of 200 requests with latencies around these. */
function run(ms: readonly number[], more: Partial<Block> = {}): Block[] {
  return ms.map((each) => blockWith([ofCount(200, each)], more));
}

const EVEN = [100, 101, 99, 100, 100.5];

function judged(a: readonly Block[], b: readonly Block[], isMoreFailing = false): Record<FigureName, JudgedRow> {
  const part = (blocks: readonly Block[]) => ({ blocks, operations: [0] });
  const { rows } = judge('whole', part(a), part(b), isMoreFailing);
  return Object.fromEntries(rows.map((row) => [row.name, row])) as Record<FigureName, JudgedRow>;
}

const scaled = (factor: number): number[] => EVEN.map((ms) => ms * factor);

test('goodput and failure rate come first', () => {
  const { rows } = judge(
    'whole',
    { blocks: run(EVEN), operations: [0] },
    { blocks: run(EVEN), operations: [0] },
    false,
  );
  expect(rows.slice(0, 2).map(({ name }) => name)).toEqual(['goodput', 'failure_rate_max']);
});

test.each<[number, JudgedRow['verdict']]>([
  [1, 'no difference'],
  [1.1, 'worse'],
  [0.9, 'better'],
])('latencies times %f: %s', (factor, verdict) => {
  expect(judged(run(EVEN), run(scaled(factor))).p50.verdict).toBe(verdict);
});

test('no difference needs the whole interval within 20 %; else the smallest change that would have shown is told', () => {
  const uneven = [100, 125, 80, 110, 90];
  const { p50 } = judged(run(EVEN), run(uneven));
  expect(p50).toMatchObject({ verdict: 'inconclusive', why: null });
  expect(p50.interval!.to).toBeGreaterThan(20);
  // From the interval around 0 of runs that are as uneven.
  expect(p50.detectable!).toBeGreaterThan(20);
  expect(judged(run(EVEN), run(uneven.map((ms) => ms * (1 + p50.detectable! / 100) * 1.05))).p50.verdict).toBe('worse');
});

test('less goodput is worse; the change that would have shown is a loss', () => {
  const half = run(EVEN).map((block) => ({ ...block, successes: 100 }));
  const { goodput } = judged(run(EVEN), half);
  expect(goodput).toMatchObject({ verdict: 'worse', change: -50 });
  expect(goodput.detectable!).toBeLessThan(0);
});

test('no success at all is a known goodput of 0, and worse than any', () => {
  const none = run(EVEN).map((block) => ({ ...block, successes: 0, failed: 200 }));
  expect(judged(run(EVEN), none).goodput).toMatchObject({ verdict: 'worse', b: 0, change: -100, why: null });
  expect(judged(none, run(EVEN)).goodput).toMatchObject({ verdict: 'better', a: 0, change: null, interval: null });
  expect(judged(none, none).goodput).toMatchObject({ verdict: 'unknown', a: 0, b: 0, why: 'no success' });
  const once = none.map((block, at) => (at === 0 ? { ...block, successes: 1, failed: 199 } : block));
  expect(judged(once, none).goodput.verdict).toBe('inconclusive');
});

test('a p99 of 19 ms that one stall makes 2,402 ms is not "no difference"', () => {
  const calm = Array.from({ length: 5 }, () => blockWith([ofCount(200, 19)]));
  const stalled = calm.map((block, at) =>
    at === 2 ? blockWith([[...ofCount(180, 19), ...ofCount(20, 2402)]]) : block,
  );
  const { p99, p50 } = judged(calm, stalled);
  expect(p99).toMatchObject({ verdict: 'inconclusive' });
  expect(p50).toMatchObject({ verdict: 'no difference' });
});

test('without any failure the rate is inconclusive, and says what would have shown', () => {
  const { failure_rate_max: rate } = judged(run(EVEN), run(EVEN));
  expect(rate).toMatchObject({ a: 0, b: 0, verdict: 'inconclusive' });
  expect(rate.detectable!).toBeCloseTo(0.62, 1);
});

test('more failures are worse, and fewer better', () => {
  const failing = run(EVEN, { failed: 20 });
  expect(judged(run(EVEN), failing).failure_rate_max.verdict).toBe('worse');
  expect(judged(failing, run(EVEN)).failure_rate_max.verdict).toBe('better');
});

test('latency is never better where more failed, in this part or in the whole run', () => {
  const faster = run(scaled(0.5));
  for (const rows of [
    judged(
      run(EVEN),
      faster.map((block) => ({ ...block, failed: 1 })),
    ),
    judged(
      run(EVEN),
      faster.map((block) => ({ ...block, undecided: 1 })),
    ),
    judged(run(EVEN), faster, true),
  ]) {
    expect(rows.p50).toMatchObject({ verdict: 'inconclusive', why: 'more failed' });
    expect(rows.p50.interval!.to).toBeLessThan(0);
  }
});

test.each<[number, number | null]>([
  [44, null],
  [45, 0.9],
  [117, 0.9],
  [120, 0.95],
])('for %i s the promise holds up to an autocorrelation of %p', (secs, promise) => {
  const part = (all: number) => ({ blocks: run(EVEN, { secs: all / 5 }), operations: [0] });
  expect(judge('whole', part(secs), part(300), false).holds_up_to_autocorrelation).toBe(promise);
});

function blocksWith(more: Partial<Blocks> = {}): Blocks {
  return { images: ['a'], unknown: null, whole: run(EVEN), steady: null, ...more };
}

function verdicts(scopes: readonly Scope[]): Set<string> {
  return new Set(scopes.flatMap(({ rows }) => rows.map(({ verdict, why }) => `${verdict} ${why}`)));
}

test('requests without a record make all figures unknown', () => {
  const why = 'unknown B: 3 requests have no record';
  expect(verdicts(scopesOf(blocksWith(), blocksWith({ unknown: '3 requests have no record' })))).toEqual(
    new Set([why]),
  );
});

test('latencies are compared within the operations that both have', () => {
  const two = (fast: number, slow: number): Block[] =>
    Array.from({ length: 5 }, () => blockWith([ofCount(200, fast), ofCount(200, slow)]));
  const a = blocksWith({ images: ['x', 'y'], whole: two(10, 100) });
  const b = blocksWith({ images: ['y', 'z'], whole: two(100, 10) });
  const [scope] = scopesOf(a, b);
  expect(scope!.operations).toBe(1);
  expect(scope!.rows.find(({ name }) => name === 'avg')).toMatchObject({ change: 0, verdict: 'no difference' });
});

test('the steady part comes first, and a run without faults is steady as a whole', () => {
  const scopes = scopesOf(blocksWith(), blocksWith({ steady: run(EVEN), whole: run(scaled(3)) }));
  expect(scopes.map(({ scope }) => scope)).toEqual(['steady', 'whole']);
  expect(scopes.map(({ rows }) => rows.find(({ name }) => name === 'p50')!.verdict)).toEqual([
    'no difference',
    'worse',
  ]);
  expect(scopesOf(blocksWith(), blocksWith()).map(({ scope }) => scope)).toEqual(['whole']);
});

const LOAD: Load = {
  name: 'law',
  medianMs: [4, 40],
  perSecond: 10,
  spread: 0.4,
  correlation: 0.5,
  unrest: 0.1,
  failing: 0.01,
};

test('a run of which some requests fail, hang or take longer is never better in anything', () => {
  const worsened = fc.record({
    seed: fc.integer({ min: 0, max: 1e6 }),
    every: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('failed', 'in flight', 'slower'),
    factor: fc.double({ min: 0, max: 100, noNaN: true }),
    faults: fc.constantFrom(0, 2),
  });
  fc.assert(
    fc.property(worsened, ({ seed, every, kind, factor, faults }) => {
      const a = simulate({ ...LOAD, faults }, 60, seed);
      const rows = a.rows.map((row, at) => {
        if (at % every !== 0) return row;
        // A failure may be quick.
        const latencyMs = row.latencyMs * (kind === 'failed' ? factor : 1 + factor);
        const outcome = kind === 'slower' ? {} : { success: false, isFailed: kind === 'failed' || row.isFailed };
        return { ...row, latencyMs, endMs: row.startMs + latencyMs, ...outcome };
      });
      const scopes = scopesOf(blocksIn(a, 2), blocksIn({ ...a, rows }, 2));
      // A request that is under way in a fault is no longer steady, so only the whole run has the same requests.
      const whole = scopes.filter(({ scope }) => scope === 'whole').flatMap((scope) => scope.rows);
      expect(whole.filter(({ verdict }) => verdict === 'better')).toEqual([]);
    }),
    { numRuns: 100, seed: 14 },
  );
});

const OPEN = { medianMs: [20], perSecond: 25, spread: 0.5, unrest: 0.2, failing: 0 };
const PAIRS = 100;

/** The share of pairs in which any figure differs, in percent. */
function found(load: Load, secs: number, slower = 1): number {
  let count = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const blocks = [simulate(load, secs, 2 * pair), simulate(load, secs, 2 * pair + 1, slower)].map((each) => {
      return blocksIn(each, load.medianMs.length);
    });
    const verdictsOf = scopesOf(blocks[0]!, blocks[1]!).flatMap(({ rows }) => rows.map(({ verdict }) => verdict));
    if (verdictsOf.some((verdict) => verdict === 'better' || verdict === 'worse')) count += 1;
  }
  return (count / PAIRS) * 100;
}

// Always the same pairs: `npm run bench -- compare` has the shares of more, and of other loads.
test.each<[Load, number]>([
  [{ ...OPEN, name: 'autocorrelation 0.9', correlation: 0.9 }, 45],
  [{ ...OPEN, name: 'rare stalls', correlation: 0.5, stallEverySecs: 30 }, 45],
])('equal runs rarely show a difference: %p', (load, secs) => {
  expect(found(load, secs)).toBeLessThanOrEqual(7);
});

test('a run under the default load that is 20 % slower is mostly found in two minutes', () => {
  const load = {
    name: 'default load',
    medianMs: [4, 10, 40],
    spread: 0.4,
    correlation: 0.5,
    unrest: 0.1,
    failing: 0.002,
  };
  expect(found(load, 120, 1.2)).toBeGreaterThan(75);
});
