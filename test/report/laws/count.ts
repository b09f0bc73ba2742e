/** Counts the counterexamples of both laws by figure over many pairs of runs, in as many threads as there are cores. */
import * as fc from 'fast-check';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Choice, judgeChange, type Law, LAWS, type Pair } from './laws';
import { removals } from './remove';
import { plans, runOf } from './run-model';
import { worsenings } from './worsen';
import { reportOf, RunFolder } from './write-run';

/** The changes of each law that one run is judged by: its own report is then made once. */
const CHANGES = 16;

export interface Found {
  law: Law;
  figure: string;
  isExempt: boolean;
  count: number;
  /** The first counterexample: the seed of its run. */
  seed: number;
  pair: Pair;
  text: string;
}

export interface Counted {
  /** Pairs judged, and found, by law. */
  pairs: Record<Law, number>;
  found: Map<string, Found>;
}

export interface Part {
  firstSeed: number;
  /** The seeds of a part are this far apart. */
  step: number;
  /** The number for both laws together. */
  pairs: number;
  /** Unix milliseconds at which it ends, whatever it has judged. */
  untilMs: number;
}

const cases = fc.record({
  plan: plans,
  1: fc.array(worsenings, { minLength: CHANGES, maxLength: CHANGES, size: 'max' }),
  2: fc.array(removals, { minLength: CHANGES, maxLength: CHANGES, size: 'max' }),
});

/** Judges pairs in this thread, from seed to seed. */
export async function countPart({ firstSeed, step, pairs, untilMs }: Part): Promise<Counted> {
  const counted: Counted = { pairs: { 1: 0, 2: 0 }, found: new Map() };
  const folder = new RunFolder();
  try {
    for (let seed = firstSeed; counted.pairs[1] + counted.pairs[2] < pairs && Date.now() < untilMs; seed += step) {
      await judgeSeed(seed, folder, counted);
    }
  } finally {
    folder.remove();
  }
  return counted;
}

async function judgeSeed(seed: number, folder: RunFolder, { pairs, found }: Counted): Promise<void> {
  const [{ plan, ...choices }] = fc.sample(cases, { seed, numRuns: 1 }) as [
    { plan: Pair['plan'] } & Record<Law, Choice[]>,
  ];
  const run = runOf(plan);
  const base = await reportOf(run, folder);
  for (const law of LAWS) {
    for (const choice of choices[law]) {
      const result = await judgeChange(law, run, base, choice, folder);
      if (result === null) continue;
      pairs[law] += 1;
      for (const { figure, isExempt } of new Map(result.violations.map((each) => [each.figure, each])).values()) {
        const key = `law ${law}: ${figure}`;
        const before = found.get(key);
        if (before) before.count += 1;
        else found.set(key, { law, figure, isExempt, count: 1, seed, pair: { plan, choice }, text: result.text });
      }
    }
  }
}

/** Judges pairs in threads that run the file `program`. */
export async function countAll(program: string, firstSeed: number, pairs: number, secs: number): Promise<Counted> {
  const threads = availableParallelism();
  const untilMs = Date.now() + secs * 1000;
  const parts = Array.from({ length: threads }, (_, index): Part => {
    return { firstSeed: firstSeed + index, step: threads, pairs: Math.ceil(pairs / threads), untilMs };
  });
  const all = await Promise.all(parts.map((part) => inThread(program, part)));
  return all.reduce(merged);
}

function inThread(program: string, part: Part): Promise<Counted> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData: part, resourceLimits: { maxYoungGenerationSizeMb: 128 } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function merged(one: Counted, other: Counted): Counted {
  const found = new Map(one.found);
  for (const [key, each] of other.found) {
    const known = found.get(key);
    const first = known === undefined || each.seed < known.seed ? each : known;
    found.set(key, { ...first, count: each.count + (known?.count ?? 0) });
  }
  return { pairs: { 1: one.pairs[1] + other.pairs[1], 2: one.pairs[2] + other.pairs[2] }, found };
}

/** The program of a thread: judges its part and tells the result. */
export async function runThread(): Promise<void> {
  if (!isMainThread) parentPort!.postMessage(await countPart(workerData as Part));
}
