import { writeFileSync } from 'node:fs';
import { WHY_NO_NAMESPACES } from '../support/namespaces';
import { TestBed } from './faults/bed';
import { CASES, type FaultCase, OVERLOAD } from './faults/cases';
import { measureWatchdog } from './faults/watchdog';
import { type Cost, survivorOf } from './faults/measure';
import { measureRing } from './faults/ring';
import { page, type Results, rowOf } from './faults/page';

const PAGE = 'docs/fault-table.md';

/**
 * Injects every fault into a cluster on network namespaces, and writes the effects into docs/fault-table.md.
 * @param wanted kinds, or `overload`, `watchdog`, `ring`; none: all, and only then the page is written
 */
export async function run(wanted: readonly string[]): Promise<void> {
  if (WHY_NO_NAMESPACES !== null) throw new Error(`no hosts can be made here: ${WHY_NO_NAMESPACES}`);
  const isWanted = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
  const startMs = performance.now();
  const bed = await TestBed.start();
  const results: Results = {
    costs: [],
    overload: null,
    rules: [],
    watchdog: [],
    ring: null,
    netem: bed.lab.network.netem,
  };
  try {
    for (const each of CASES.filter(({ kind, on }) => isWanted(kind) || isWanted(`${kind}-${on}`))) {
      if (each.kind === 'delay' && results.netem === null) continue;
      results.costs.push(await measured(bed, each));
    }
    if (isWanted('overload')) {
      const [, cost] = await measured(bed, OVERLOAD);
      results.overload = { cost, survivor: survivorOf(bed.eventFiles, cost.during) };
      console.log(results.overload.survivor);
    }
    results.rules = await bed.judge();
    for (const { rule, verdict, problems } of results.rules) console.log(rule, verdict, ...problems.slice(0, 5));
    if (isWanted('watchdog')) results.watchdog = await measureWatchdog(bed.lab);
    if (isWanted('ring')) results.ring = await measureRing(bed.lab);
  } finally {
    bed.stop();
  }
  const minutes = (performance.now() - startMs) / 60_000;
  console.log(`${minutes.toFixed(1)} minutes`);
  if (wanted.length === 0) writeFileSync(PAGE, page(results, minutes));
}

async function measured(bed: TestBed, each: FaultCase): Promise<[FaultCase, Cost]> {
  const cost = await bed.measure(each);
  console.log(rowOf(each, cost), JSON.stringify(cost));
  return [each, cost];
}
