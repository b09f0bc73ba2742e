/** The two laws as checks of one pair of runs: which figures break a law in it. */
import * as fc from 'fast-check';
import type { Report } from '../../../src/report/report';
import { betterIn, type Violation } from './judge';
import { type RemovalChoice, removals, remove } from './remove';
import { type Plan, plans, type Run, runOf } from './run-model';
import { type WorseningChoice, worsen, worsenings } from './worsen';
import { filesOf, type RunFolder } from './write-run';

/** 1: worse never looks better. 2: less evidence never looks better. */
export type Law = 1 | 2;
export type Choice = WorseningChoice | RemovalChoice;

/** A run and one change of it, as plain data. */
export interface Pair {
  plan: Plan;
  choice: Choice;
}

export interface PairResult {
  violations: Violation[];
  /** The change for people. */
  text: string;
}

export const LAWS: readonly Law[] = [1, 2];

export function choicesOf(law: Law): fc.Arbitrary<Choice> {
  return law === 1 ? worsenings : removals;
}

export function pairsOf(law: Law): fc.Arbitrary<Pair> {
  return fc.record({ plan: plans, choice: choicesOf(law) });
}

/** Judges one pair; null if the run has nothing to change in this way. */
export async function judgePair(law: Law, { plan, choice }: Pair, folder: RunFolder): Promise<PairResult | null> {
  const run = runOf(plan);
  const base = await folder.report(filesOf(run), run);
  return judgeChange(law, run, base, choice, folder);
}

/** Judges one change of a run whose report is known; null if the run has nothing to change in this way. */
export async function judgeChange(
  law: Law,
  run: Run,
  base: Report | null,
  choice: Choice,
  folder: RunFolder,
): Promise<PairResult | null> {
  const hasFault = run.firstFaultAt !== Infinity;
  if (law === 1) {
    const worse = worsen(run, choice as WorseningChoice);
    if (worse === null) return null;
    const { endsNoEarlier, text } = worse;
    const report = await folder.report(filesOf(worse.run), worse.run);
    return { violations: betterIn(base, report, { law, endsNoEarlier, hasFault }), text };
  }
  const less = remove(run, choice as RemovalChoice);
  if (less === null) return null;
  const report = await folder.report(less.files, run);
  return { violations: betterIn(base, report, { law, endsNoEarlier: true, hasFault }), text: less.text };
}
