// npm run sim -- --seed N      replays one run with its trace
//                              with --shrink: prints the smallest scenario that fails as the seed does
// npm run sim -- --seeds N     runs many, prints each failing seed as a scenario and stops after five (--most N);
//                              --from-seed N begins there, --all includes the faults that are known to fail
// npm run sim -- --scenario F  runs one scenario file with its whole trace
// npm run sim -- --from RUN    prints the faults and timings of a folder of `cloudp2p run` as a scenario
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { coalesced } from '../scenarios/coalesced';
import { failuresOf, formatScenario, parseScenario, runScenario } from '../scenarios/scenario';
import { scenarioOfRun } from './from-run';
import { shrink } from './shrink';
import { KNOWN, simulate, type SimResult } from './simulation';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    'from-seed': { type: 'string', default: '1' },
    scenario: { type: 'string' },
    from: { type: 'string' },
    most: { type: 'string', default: '5' },
    all: { type: 'boolean' },
    shrink: { type: 'boolean' },
  },
});

function failed(result: SimResult): boolean {
  return result.crash !== null || result.violations.length > 0;
}

function explain(result: SimResult): void {
  if (result.crash) console.log(`CRASH: ${(result.crash as Error).stack}`);
  for (const { rule, problems } of result.violations)
    for (const problem of problems) console.log(`${rule}: ${problem}`);
  if (failed(result)) console.log(['As a scenario:', ...result.script].join('\n    '));
}

/** Prints a scenario that fails in the same way; its trace is that of the failure. */
function printSmallest({ seed, script }: SimResult): void {
  const [failure] = failuresOf(script);
  if (failure === undefined) return console.log(`seed ${seed} holds: there is nothing to shrink`);
  const smallest = shrink(script, (each) => failuresOf(each).includes(failure));
  const title = [`# Seed ${seed}, made as small as it still fails: ${failure}`];
  const trace = failure.startsWith('CRASH') ? [] : coalesced(runScenario(smallest).trace);
  console.log(formatScenario({ title, script: smallest, trace }).trimEnd());
  process.exitCode = 1;
}

if (values.from !== undefined) {
  const { title, script } = scenarioOfRun(values.from);
  console.log(formatScenario({ title, script, trace: coalesced(runScenario(script).trace) }).trimEnd());
} else if (values.scenario !== undefined) {
  const { trace, failures } = runScenario(parseScenario(readFileSync(values.scenario, 'utf8')).script);
  for (const line of [...trace, ...failures.map((failure) => `FAILED ${failure}`)]) console.log(line);
  process.exitCode = failures.length > 0 ? 1 : 0;
} else if (values.seed !== undefined && values.shrink) {
  printSmallest(simulate(Number(values.seed), values.all ? [] : KNOWN));
} else if (values.seed !== undefined) {
  const result = simulate(Number(values.seed), values.all ? [] : KNOWN);
  for (const line of result.world.trace) console.log(line);
  explain(result);
  console.log(failed(result) ? `seed ${result.seed} FAILED` : `seed ${result.seed} holds`);
  process.exitCode = failed(result) ? 1 : 0;
} else {
  const first = Number(values['from-seed']);
  const count = Number(values.seeds ?? 1000);
  const startMs = performance.now();
  let failures = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = simulate(seed, values.all ? [] : KNOWN);
    if (!failed(result)) continue;
    failures += 1;
    console.log(`seed ${seed} FAILED (replay: npm run sim -- --seed ${seed})`);
    explain(result);
    if (failures >= Number(values.most)) break;
  }
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`${count} seeds from ${first}: ${failures} failed, ${seconds.toFixed(1)} s`);
  process.exitCode = failures > 0 ? 1 : 0;
}
