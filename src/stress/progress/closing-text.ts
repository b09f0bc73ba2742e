/** The text that `stress` prints at the end of a run: totals, latencies, seed, files, problems and thresholds. */
import { summaryText } from '../../client/summary-text.pure';
import { CLOSED_LOOP_HINT } from '../../core/metrics/loop';
import { clientFileName, requestsFileName } from '../../core/metrics/run-file-names';
import { BOTTLENECK_HINT } from '../../core/metrics/saturation';
import type { ThresholdResult } from '../../core/metrics/threshold';
import { oneLine } from '../../core/printable';
import type { StressOptions } from '../options';
import { type RunRates, type RunTally, thresholdText } from './run-tally';

export interface ClosingContent {
  rates: RunRates;
  /** Requests that had to wait for a free client. */
  waitedCount: number;
  /** The configured servers, if none of them ever responded. */
  unreached: readonly string[];
  /** The reason that files are incomplete. */
  problem: string | null;
  /** Says that this process stood still, for how long and when; null if it did not. */
  pauses: string | null;
  /** The reason that this process was a bottleneck. */
  generatorProblem: string | null;
}

type Options = Pick<StressOptions, 'machineId' | 'numClients' | 'metricsDir' | 'seed' | 'requests'>;

/** Returns lines without a line feed at the end. Pure. */
export function closingText(
  { machineId, numClients, metricsDir, seed, requests }: Options,
  { measured, population, service, wrong }: RunTally,
  results: readonly ThresholdResult[],
  { rates, waitedCount, unreached, problem, pauses, generatorProblem }: ClosingContent,
): string {
  const { interruptedCount, stoodStillCount, unsentCount } = measured;
  const isOpen = requests.pacing.mode === 'rate';
  const figures = isOpen ? service.figures() : undefined;
  const all = population.latencies.figures();
  const { durationSecs } = rates;
  const counts = { interruptedCount, stoodStillCount, unsentCount, wrong };
  const run = { durationSecs, rates, ...counts, all, service: figures, unreached };
  const rows = [summaryText(measured.summary.stats(), run)];
  if (waitedCount > 0) {
    rows.push(
      `Waited:    ${waitedCount} for one of the ${numClients} clients to be free, which is included in the latency`,
    );
  }
  rows.push(`Loop:      ${isOpen ? 'open' : `closed. ${CLOSED_LOOP_HINT}`}`);
  const files = `${requestsFileName(machineId)}, ${clientFileName(machineId, '*')} and .log`;
  rows.push(`Seed:      ${seed}`, `Files:     ${oneLine(metricsDir)}: ${files}`);
  if (problem !== null) rows.push(`Problem:   ${oneLine(problem)}, so these files are incomplete`);
  if (pauses !== null) rows.push(`Paused:    this process ${pauses}`);
  if (generatorProblem !== null)
    rows.push(`The generator was the bottleneck (${BOTTLENECK_HINT}): ${generatorProblem}`);
  rows.push(...results.map(thresholdText));
  return rows.join('\n');
}
