import { seededRandom } from '../../../src/core/random';
import { blockLength, distance, noiseOf } from '../../../src/report/compare/bootstrap';
import { FIGURES, type FigureName, figuresOf, whyUnknown, type Windows } from '../../../src/report/compare/windows';
import { simulate, type Simulated } from './simulate';

const PAIRS = 200;
const RESAMPLES = 100;

/** The figures whose difference exceeds the noise. */
function found(a: Windows, b: Windows, seed: number): FigureName[] {
  const figures = FIGURES.filter((figure) => whyUnknown(figure, a) === null && whyUnknown(figure, b) === null);
  const noise = noiseOf(a, b, figures, { random: seededRandom(seed), resamples: RESAMPLES });
  const [ofA, ofB] = [figuresOf(a), figuresOf(b)];
  return figures.filter((figure) => Math.abs(distance(figure, ofA[figure], ofB[figure])) > noise[figure]!);
}

/** The share of `PAIRS` pairs of runs in which one of the figures is found to differ. */
function shareOfFindings(all: Omit<Simulated, 'seed'>, slower: number, figures: readonly FigureName[]): number {
  let findings = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const a = simulate({ ...all, seed: 2 * pair });
    const b = simulate({ ...all, seed: 2 * pair + 1, medianMs: 100 * slower });
    if (found(a, b, pair).some((figure) => figures.includes(figure))) findings += 1;
  }
  return findings / PAIRS;
}

// The method promises: of equal runs, one in twenty shows any difference in any figure. These shares always come from
// the same 200 seeded pairs; the bound allows for 200 being few.
test.each<[string, Omit<Simulated, 'seed'>]>([
  ['many windows', { windows: 45, requests: 25, correlation: 0.5 }],
  ['few windows', { windows: 20, requests: 25, correlation: 0.3 }],
  ['a restless run', { windows: 60, requests: 10, correlation: 0.7, unrest: 0.3 }],
])('equal runs rarely show a difference: %s', (_, all) => {
  expect(shareOfFindings(all, 1, FIGURES)).toBeLessThanOrEqual(0.1);
});

test('a run that is 20 % slower is detected by its latencies', () => {
  const all = { windows: 50, requests: 25, correlation: 0.4 };
  expect(shareOfFindings(all, 1.2, ['p50'])).toBeGreaterThan(0.9);
});

test('correlated neighbours are drawn together', () => {
  const lengths = [0, 0.6, 0.9].map((correlation) => blockLength(simulate({ seed: 1, windows: 300, correlation })));
  expect(lengths[0]).toBe(7);
  expect(lengths[1]).toBeGreaterThan(7);
  expect(lengths[2]).toBeGreaterThan(lengths[1]!);
  expect(blockLength(simulate({ seed: 1, windows: 20, correlation: 0.9 }))).toBeLessThanOrEqual(4);
});

test('the same seed gives the same noise, and more windows give less', () => {
  const noise = (windows: number) => {
    const [a, b] = [simulate({ seed: 1, windows }), simulate({ seed: 2, windows })];
    return noiseOf(a, b, ['p50', 'p99'], { random: seededRandom(7), resamples: RESAMPLES });
  };
  expect(noise(60)).toEqual(noise(60));
  expect(noise(400).p50).toBeLessThan(noise(60).p50! / 2);
});

test('without failures the failure rate has no noise; other figures keep theirs', () => {
  const quiet = (seed: number): Windows => {
    const windows = simulate({ seed });
    return { ...windows, failed: windows.failed.map(() => 0) };
  };
  const noise = noiseOf(quiet(1), quiet(2), ['failure_rate', 'p50'], { random: seededRandom(1) });
  expect(noise.failure_rate).toBe(0);
  expect(noise.p50).toBeGreaterThan(0.01);
});

test('a figure that some resamples lack has no noise', () => {
  // One window of twenty has all the successes: many resamples have none.
  const lonely = (seed: number): Windows => {
    const windows = simulate({ seed, windows: 20 });
    return { ...windows, histograms: windows.histograms.map((histogram, at) => (at === 3 ? histogram : [])) };
  };
  const [a, b] = [lonely(1), lonely(2)];
  const noise = noiseOf(a, b, ['throughput', 'p50'], { random: seededRandom(1), resamples: RESAMPLES });
  expect(noise).not.toHaveProperty('p50');
  expect(noise.throughput).toBeGreaterThan(0);
});
