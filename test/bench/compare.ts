/** Measures the false alarms of `report --compare` on simulated pairs of equal runs, and its power for 20 % slower ones. */
import type { Blocks } from '../../src/report/report-blocks';
import { scopesOf } from '../../src/report/compare/compare';
import type { JudgedRow } from '../../src/report/compare/comparison';
import { isLatency } from '../../src/report/compare/estimate';
import { blocksIn, type Load, simulate } from '../report/compare/load-model';

const PAIRS = 1000;
const LENGTHS_SECS = [45, 60, 120];
const SLOWER = 1.2;

const OPEN = { medianMs: [20], perSecond: 25, spread: 0.5, unrest: 0.2, failing: 0 };
const DEFAULT = { medianMs: [4, 10, 40], spread: 0.4, correlation: 0.5, unrest: 0.1, failing: 0.002 };
const LOADS: readonly Load[] = [
  ...[0, 0.5, 0.9, 0.95].map((correlation) => ({ ...OPEN, name: `autocorrelation ${correlation}`, correlation })),
  { ...OPEN, name: 'rare stalls', failing: 0.002, correlation: 0.5, stallEverySecs: 30 },
  { ...DEFAULT, name: 'default load' },
  { ...DEFAULT, name: 'default load, 3 faults', faults: 3 },
];

type Name = JudgedRow['name'];

/** The figures that differ, in any scope. */
function found(a: Blocks, b: Blocks): Set<Name> {
  const rows = scopesOf(a, b).flatMap((scope) => scope.rows);
  return new Set(rows.filter(({ verdict }) => verdict === 'better' || verdict === 'worse').map(({ name }) => name));
}

/** Returns the shares, in percent, of pairs in which any figure, and these, are found to differ. */
function measure(load: Load, secs: number, slower: number, isPooled: boolean, pairs: number): (name?: Name) => number {
  const counts = new Map<Name | undefined, number>();
  for (let pair = 0; pair < pairs; pair++) {
    const [a, b] = [simulate(load, secs, 2 * pair), simulate(load, secs, 2 * pair + 1, slower)];
    const count = load.medianMs.length;
    const names = found(blocksIn(a, count, isPooled), blocksIn(b, count, isPooled));
    const isFound = slower === 1 ? names.size > 0 : [...names].some(isLatency);
    for (const name of [...names, ...(isFound ? [undefined] : [])]) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return (name) => ((counts.get(name) ?? 0) / pairs) * 100;
}

export function run(pairs = PAIRS, wanted: readonly string[] = []): void {
  console.log(
    `report --compare: ${pairs} simulated pairs of runs; power for ${Math.round((SLOWER - 1) * 100)} % slower`,
  );
  console.log('load                      secs  false alarms  power  avg  p50  p95  p99  pooled: alarms  power');
  for (const load of LOADS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)))) {
    for (const secs of LENGTHS_SECS) {
      const same = measure(load, secs, 1, false, pairs);
      const slow = measure(load, secs, SLOWER, false, pairs);
      const isMixed = load.medianMs.length > 1;
      const pooled = isMixed ? [1, SLOWER].map((slower) => measure(load, secs, slower, true, pairs)()) : [];
      const names: Name[] = ['avg', 'p50', 'p95', 'p99'];
      const cells = [same().toFixed(1), ...[undefined, ...names].map((name) => slow(name).toFixed(0)), ...pooled];
      const widths = [12, 5, 3, 3, 3, 3, 14, 5];
      const shown = cells.map((cell, at) => (typeof cell === 'number' ? cell.toFixed(1) : cell).padStart(widths[at]!));
      console.log(`${load.name.padEnd(24)}  ${String(secs).padStart(4)}  ${shown.join('  ')}`);
    }
  }
}
