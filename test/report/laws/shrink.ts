/** Shrinks a counterexample of a law to a smaller run. */
import * as fc from 'fast-check';
import type { Found } from './count';
import { judgePair, type Law, type Pair, pairsOf } from './laws';
import type { Violation } from './judge';
import { RunFolder } from './write-run';

/** Whatever is found by then is small enough. */
const MOST_MS = 1200;

/** A counterexample, with the figure in both reports. */
export interface Counterexample extends Pick<Violation, 'figure' | 'of' | 'before' | 'after'> {
  law: Law;
  text: string;
  pair: Pair;
}

/** Returns a smaller pair in which the same figure breaks the same law. */
export async function shrunken({ law, figure, pair }: Pick<Found, 'law' | 'figure' | 'pair'>): Promise<Counterexample> {
  const folder = new RunFolder();
  try {
    const breaks = async (each: Pair) => violationOf(await judgePair(law, each, folder), figure);
    const property = fc.asyncProperty(pairsOf(law), async (each) => (await breaks(each)) === undefined);
    const limits = { numRuns: 1, examples: [[pair] as [Pair]], interruptAfterTimeLimit: MOST_MS };
    const { counterexample } = await fc.check(property, limits);
    const small = counterexample?.[0] ?? pair;
    const result = await judgePair(law, small, folder);
    const { of, before, after } = violationOf(result, figure)!;
    return { law, figure, of, before, after, text: result!.text, pair: small };
  } finally {
    folder.remove();
  }
}

function violationOf(result: { violations: Violation[] } | null, figure: string): Violation | undefined {
  return result?.violations.find((each) => each.figure === figure);
}
