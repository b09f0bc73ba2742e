import fc from 'fast-check';
import { exactQuantile } from '../../../src/core/metrics/digest';
import { Population } from '../../../src/core/metrics/population';
import { parseThreshold } from '../../../src/core/metrics/threshold';
import { PresentFigures } from '../../../src/stress/progress/present-figures.pure';
import { RunTally } from '../../../src/stress/progress/run-tally';
import { request, T0 } from '../../report/lab';

const LONGEST_MS = 4000;
const WARMUP_MS = 1000;
const RUN_MS = 12_000;

/** A request as it would go: `takesMs` until it ends, Infinity if never. */
interface Course {
  dueMs: number;
  takesMs: number;
  isFailure: boolean;
}

const course: fc.Arbitrary<Course> = fc.record({
  dueMs: fc.integer({ min: 0, max: 6000 }),
  takesMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 5000 }), fc.constant(Infinity)),
  isFailure: fc.integer({ min: 0, max: 9 }).map((digit) => digit === 0),
});
const courses = fc.array(course, { minLength: 100, maxLength: 220 });
const EXPRESSIONS = [
  ...['failure_rate<5%', 'failure_rate<50%', 'p50<200ms', 'p95<1s', 'p99<2s', 'p99.9<3s', 'avg<500ms', 'max<3s'],
  ...['min<20ms', 'throughput>5', 'throughput>15'],
];

/** Returns the first second at which the condition ends the run, or Infinity. */
function abortedAtMs(all: readonly Course[], expression: string): number {
  const threshold = parseThreshold(expression);
  for (let nowMs = 1000; nowMs <= RUN_MS; nowMs += 1000) {
    const tally = new RunTally(WARMUP_MS, LONGEST_MS, 3);
    tally.begin(T0);
    const undecided: number[] = [];
    all.forEach(({ dueMs, takesMs, isFailure }, index) => {
      if (dueMs > nowMs) return;
      if (dueMs + takesMs > nowMs) return void undecided.push(T0 + dueMs);
      const outcome = isFailure ? 'failure' : 'success';
      tally.add(request(index + 1, dueMs, { latency_ms: takesMs, success: !isFailure, outcome }));
    });
    if (tally.crossed([threshold], T0 + nowMs, undecided) !== undefined) return nowMs;
  }
  return Infinity;
}

it('a success that takes longer, or never ends, or fails instead, aborts a run no later', () => {
  const scene = fc.property(
    courses,
    fc.constantFrom(...EXPRESSIONS),
    fc.nat(),
    fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.constant(Infinity)),
    fc.boolean(),
    (all, expression, at, moreMs, fails) => {
      const successes = all.filter(({ isFailure }) => !isFailure);
      const worse = successes[at % Math.max(1, successes.length)];
      if (worse === undefined) return;
      const changed = fails ? { ...worse, isFailure: true } : { ...worse, takesMs: worse.takesMs + moreMs };
      const worsened = all.map((each) => (each === worse ? changed : each));
      expect(abortedAtMs(worsened, expression)).toBeLessThanOrEqual(abortedAtMs(all, expression));
    },
  );
  // Shrinking runs of hundreds of requests would take minutes.
  fc.assert(scene, { numRuns: 300, endOnFailure: true });
});

const latencies = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 100, maxLength: 250, size: 'max' });

it('a figure is the worst of the requests that ended with any number of the oldest others', () => {
  const scene = fc.property(latencies, fc.nat(250), (all, endedCount) => {
    const endedMs = all.slice(0, endedCount);
    const agesMs = all.slice(endedCount);
    const population = new Population(LONGEST_MS);
    for (const latency_ms of endedMs) population.add({ success: true, outcome: 'success', latency_ms });
    const present = new PresentFigures(population, agesMs, LONGEST_MS);
    const oldest = [...agesMs].sort((a, b) => b - a);
    const samples = Array.from({ length: agesMs.length + 1 }, (_, count) => [...endedMs, ...oldest.slice(0, count)]);
    const worst = (enough: number, figure: (values: number[]) => number): number | null => {
      const values = samples.filter(({ length }) => length >= enough).map(figure);
      return values.length === 0 ? null : Math.max(...values);
    };
    const sorted = (values: number[]): Float64Array => Float64Array.from(values).sort();
    for (const q of [0.5, 0.95, 0.99]) {
      expect(present.quantileMs(q)).toBe(worst(100, (values) => exactQuantile(sorted(values), q)!));
    }
    expect(present.quantileMs(0.999)).toBeNull();
    expect(present.minMs).toBe(worst(100, (values) => Math.min(...values)));
    expect(present.maxMs).toBe(worst(100, (values) => Math.max(...values)));
    const average = worst(100, (values) => values.reduce((sum, value) => sum + value, 0) / values.length)!;
    expect(present.averageMs).toBeCloseTo(average, 8);
  });
  fc.assert(scene, { numRuns: 200 });
});

it('a healthy load has requests in flight, which are no failures', () => {
  const tally = new RunTally(0, LONGEST_MS, 3);
  tally.begin(T0);
  for (let id = 1; id <= 95; id++) tally.add(request(id, 0));
  const inFlight = Array.from({ length: 1000 }, () => T0 + 990);
  const thresholds = ['failure_rate<1%', 'p99<100ms', 'throughput>50'].map((each) => parseThreshold(each));
  expect(tally.crossed(thresholds, T0 + 1000, inFlight)).toBeUndefined();
  // Older than any success can be.
  const overdue = [T0 - 1, T0 - 2].map((due) => due - LONGEST_MS);
  const crossed = new RunTally(0, LONGEST_MS, 3).crossed(thresholds, T0, [...inFlight, ...overdue]);
  expect(crossed).toMatchObject({ expression: 'failure_rate<1%', value: 2 });
});

it('requests due in the warm-up abort nothing', () => {
  const tally = new RunTally(WARMUP_MS, LONGEST_MS, 3);
  tally.begin(T0);
  const hung = Array.from({ length: 200 }, () => T0 + WARMUP_MS - 1);
  expect(tally.crossed([parseThreshold('max<1s')], T0 + 9000, hung)).toBeUndefined();
});
