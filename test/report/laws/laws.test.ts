/** The laws of honest figures over whole runs: worse never looks better, and neither does less evidence. */
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { METRICS } from '../../../src/core/metrics/threshold';
import { renderJson } from '../../../src/report/render/json';
import { isInTable } from './figures';
import { judgePair, LAWS, type PairResult, pairsOf } from './laws';
import { plans, runOf } from './run-model';
import type { Counterexample } from './shrink';
import { LIMITS } from './thresholds';
import { reportOf, RunFolder } from './write-run';

/** LAWS_SEED=N npm test -- --testPathPatterns report/laws: other pairs; `npm run laws` judges many more. */
const SEED = Number(process.env['LAWS_SEED'] ?? 14);
const PAIRS = 150;
/** A slower machine judges fewer pairs. */
const MOST_MS = 5000;

/** Shrunken counterexamples, a line each; those of figures that were put right stay as examples. */
const examples = readFileSync(path.join(__dirname, 'examples.ndjson'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Counterexample);
let folder: RunFolder;
beforeAll(() => void (folder = new RunFolder()));
afterAll(() => folder.remove());

/** The figures that break a law in a pair, and may not. */
function surprises(result: PairResult | null): string[] {
  const surprising = (result?.violations ?? []).filter((each) => !each.isExempt);
  return surprising.map(({ figure, of, before, after }) => `${figure} ${of}: ${before} → ${after}, ${result!.text}`);
}

describe.each(LAWS)('law %i', (law) => {
  const own = examples.filter((each) => each.law === law);

  it(`holds for all figures at once (seed ${SEED})`, async () => {
    const property = fc.asyncProperty(pairsOf(law), async (pair) => {
      expect(surprises(await judgePair(law, pair, folder))).toEqual([]);
    });
    await fc.assert(property, { seed: SEED, numRuns: PAIRS, interruptAfterTimeLimit: MOST_MS });
  }, 60_000);

  it('holds for the pairs that once broke it', async () => {
    const found: string[] = [];
    for (const { pair } of own) found.push(...surprises(await judgePair(law, pair, folder)));
    expect(found).toEqual([]);
  }, 60_000);
});

describe('no figure is forgotten', () => {
  it('every key of the report is in the table', () => {
    const keys = readFileSync(path.join(__dirname, '../render/report-keys.txt'), 'utf8').trim().split('\n');
    const isParent = (key: string): boolean =>
      keys.some((other) => other.startsWith(`${key}.`) || other.startsWith(`${key}[`));
    expect(keys.filter((key) => !isParent(key) && !isInTable(key))).toEqual([]);
  });

  it('every number, flag and null of reports is in the table', async () => {
    const missing = new Set<string>();
    for (const plan of fc.sample(plans, { seed: SEED, numRuns: 20 })) {
      const report: unknown = JSON.parse(renderJson((await reportOf(runOf(plan), folder))!));
      for (const leaf of leaves(report)) if (!isInTable(leaf)) missing.add(leaf);
    }
    expect([...missing]).toEqual([]);
  });

  it('every threshold is judged, but those of successes only', () => {
    expect(METRICS.filter((metric) => !(metric in LIMITS) && !metric.startsWith('ok_'))).toEqual([]);
  });

  it('a figure that is not in the table is noticed', () => {
    expect(['p98_ms', 'faults[].cost_ms', 'verdict.rate'].filter(isInTable)).toEqual([]);
  });
});

/** The paths of all leaves that are no texts. */
function leaves(value: unknown, at = ''): string[] {
  if (typeof value === 'string') return [];
  if (Array.isArray(value)) return [...new Set(value.flatMap((each) => leaves(each, `${at}[]`)))];
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, at === '' ? key : `${at}.${key}`));
}
