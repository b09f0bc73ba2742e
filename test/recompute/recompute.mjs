/**
 * Recomputes the figures of a run's report from the specification (honest-figures.md), independently of the product:
 * `node test/recompute/recompute.mjs FOLDER [--events FOLDER] [--faults FILE]` prints them as JSON.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { costsOf, faultRowsOf, spansOf } from './faults.mjs';
import { closedLoopOf, latenciesOf } from './latency.mjs';
import { balanceOf, leadersOf, reactionsOf, serversOf } from './leaders.mjs';
import { populationOf, totalsOf } from './population.mjs';
import { readRun } from './read.mjs';
import { badShareOf, badWindowsOf, baselineOf, resolutionOf, slowLimitsOf } from './windows.mjs';

/**
 * Returns the figures of a run, under the names of final_report.json. `run` has `records`, and as far as they exist
 * `clientFiles`, `runFiles`, `generator`, `events`, `faults` and `servers` (the addresses of run.json). Items without a
 * `machine_id` belong to the first run file's machine. `readings` chooses the other reading of a sentence that has two:
 * `{ calm: 'any', until: 'due', delay: 'whole', blocked: 'measured' }`; the default is the one by which nothing looks better.
 */
export function recompute(run, readings = {}) {
  const population = populationOf(run);
  const servers = serversOf(run, population);
  const rows = faultRowsOf(run.faults ?? [], population);
  const baseline = baselineOf(population, rows);
  const limits = slowLimitsOf(population, baseline);
  const bad = badWindowsOf(population, baseline, limits);

  const faults = spansOf(rows, population, readings).flatMap((span) =>
    costsOf(span, population, limits, bad, readings).map((costs, at) => {
      const row = span.rows[at];
      const { unknown, ...reactions } = reactionsOf(row, rows, run, servers, span.limit);
      return {
        server_id: row.server_id,
        kind: row.kind,
        start: row.start,
        end: row.end,
        ...costs,
        ...reactions,
        unknown: { ...costs.unknown, ...unknown },
      };
    }),
  );

  return {
    ...totalsOf(population),
    ...closedLoopOf(population, readings),
    ...latenciesOf(population),
    slow_limits_ms: limits,
    baseline: {
      from: baseline.from,
      to: Number.isFinite(baseline.to) ? baseline.to : null,
      requests: baseline.requests.length,
      bad_window_share: badShareOf(population, baseline, limits, bad),
      felt_resolution_ms: resolutionOf(baseline, limits, readings),
    },
    faults,
    balance: balanceOf(population, servers),
    leaders: leadersOf(run, population, servers),
  };
}

/** Prints the figures of a folder. */
function main() {
  const options = { events: { type: 'string' }, faults: { type: 'string' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals.length !== 1) {
    console.error('usage: node test/recompute/recompute.mjs FOLDER [--events FOLDER] [--faults FILE]');
    process.exitCode = 2;
    return;
  }
  console.log(JSON.stringify(recompute(readRun(positionals[0], values)), null, 2));
}

if (/recompute\.mjs$/.test(process.argv[1] ?? '')) main();
