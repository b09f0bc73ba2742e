/** Estimates the figures of a run and their standard errors from its five blocks (docs/decisions/0013). */
import { type Block, type BlockOperation, HISTOGRAM_BASE } from '../report-blocks';

/** The figures that are judged, in the order in which they are shown. */
export const FIGURES = ['goodput', 'failure_rate_max', 'avg', 'p50', 'p95', 'p99', 'p99.9'] as const;
export type FigureName = (typeof FIGURES)[number];
export type LatencyName = Exclude<FigureName, 'goodput' | 'failure_rate_max'>;

export function isLatency(figure: FigureName): figure is LatencyName {
  return figure !== 'goodput' && figure !== 'failure_rate_max';
}

/** A figure of a run. Its standard error is in percentage points for the failure rate, else of its logarithm (0 for 0). */
export interface Estimate {
  value: number;
  error: number;
}

/** The estimate, or the reason for its absence. */
export type Estimated = Estimate | string;

/** Quantiles in the order of computation: from the slowest request down. */
const QUANTILES = { 'p99.9': 0.999, p99: 0.99, p95: 0.95, p50: 0.5 } as const;
const PERCENTILES = Object.keys(QUANTILES) as (keyof typeof QUANTILES)[];
/** A percentile of an operation is judged where so many of its requests are beyond it: one in each block on average. */
export const ENOUGH_BEYOND = 5;
/** An average is judged where each operation has so many requests. */
const ENOUGH_REQUESTS = 10;
/** A tolerance in requests: 1 - 0.99 is slightly more than a hundredth. */
const ROUNDING = 1e-6;
const US_PER_MS = 1000;

const NO_REQUESTS = 'no requests';
const NO_OPERATION = 'no image in common';
const TOO_FEW = 'too few requests';
const NO_TIMEOUT = 'failures take an unknown time';

/** Returns all figures; latencies are averaged over these operations (indices) with equal weights. */
export function estimatesOf(blocks: readonly Block[], operations: readonly number[]): Record<FigureName, Estimated> {
  const latencies = latencyEstimates(blocks, operations);
  return { goodput: goodputOf(blocks), failure_rate_max: failureRateOf(blocks), ...latencies };
}

/** Returns the share of requests that failed or were undecided, in percent; NaN without requests. */
export function failedPercent(blocks: readonly Block[]): number {
  const { requests, failed } = countsOf(blocks);
  return (failed / requests) * 100;
}

function countsOf(blocks: readonly Block[]): { requests: number; failed: number } {
  let [requests, failed] = [0, 0];
  for (const block of blocks) {
    failed += block.failed + block.undecided;
    requests += block.successes + block.failed + block.undecided;
  }
  return { requests, failed };
}

function goodputOf(blocks: readonly Block[]): Estimated {
  const rates = blocks.map(({ successes, secs }) => successes / secs);
  const value = meanOf(rates);
  if (countsOf(blocks).requests === 0 || Number.isNaN(value)) return NO_REQUESTS;
  return value === 0 ? { value, error: 0 } : known(value, errorOf(rates) / value);
}

function failureRateOf(blocks: readonly Block[]): Estimated {
  const { requests, failed } = countsOf(blocks);
  if (requests === 0) return NO_REQUESTS;
  // A block counts by its number of requests.
  const value = failed / requests;
  const each = blocks.map((block) => countsOf([block]));
  const beyond = each.map((block) => ((block.failed - value * block.requests) / requests) * blocks.length);
  // Failures vary at least as if each request failed by itself; the terms added keep 0 of few from being certain.
  const share = (failed + 1) / (requests + 2);
  const least = Math.sqrt((share * (1 - share)) / requests);
  return known(value * 100, Math.max(least, errorOf(beyond)) * 100);
}

function known(value: number, error: number): Estimated {
  return Number.isFinite(error) ? { value, error } : TOO_FEW;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the standard error of the mean of these values. */
function errorOf(values: readonly number[]): number {
  const mean = meanOf(values);
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(square / (values.length - 1) / values.length);
}

/**
 * Averages over the blocks, and over the operations of each, the logarithms of a figure: a change by some percent counts
 * the same in each. The blocks' own figures show how far it varies; those of the whole run with a block left out do not,
 * if stalls in two of five blocks make its p99.
 */
function latencyEstimates(blocks: readonly Block[], operations: readonly number[]): Record<LatencyName, Estimated> {
  const cells = blocks.map((block) => operations.map((operation) => cellOf(block.operations[operation]!)));
  const estimate = (figure: LatencyName): Estimated => {
    const why = whyUnknown(figure, operations.length, cells);
    if (why !== null) return why;
    const logs = cells.map((ofBlock) => meanOf(ofBlock.map((cell) => Math.log(cell.figures[figure]))));
    return known(Math.exp(meanOf(logs)), errorOf(logs));
  };
  return {
    avg: estimate('avg'),
    p50: estimate('p50'),
    p95: estimate('p95'),
    p99: estimate('p99'),
    'p99.9': estimate('p99.9'),
  };
}

function whyUnknown(figure: LatencyName, operationCount: number, blocks: readonly (readonly Cell[])[]): string | null {
  if (operationCount === 0) return NO_OPERATION;
  const least = figure === 'avg' ? ENOUGH_REQUESTS : ENOUGH_BEYOND / (1 - QUANTILES[figure]);
  for (let operation = 0; operation < operationCount; operation++) {
    const cells = blocks.map((block) => block[operation]!);
    if (meanOf(cells.map(({ count }) => count)) * cells.length + ROUNDING < least) return TOO_FEW;
    const missing = cells.filter(({ figures }) => Number.isNaN(figures[figure]));
    if (missing.length > 0) return missing.some(({ count }) => count === 0) ? TOO_FEW : NO_TIMEOUT;
  }
  return null;
}

/** An operation in a block. Figures in ms; NaN without requests, or if it depends on failures of unknown latency. */
interface Cell {
  count: number;
  figures: Record<LatencyName, number>;
}

/** Percentiles are interpolated within their buckets. */
function cellOf({ histogram, unknown, latency_total_us: totalUs }: BlockOperation): Cell {
  let count = unknown;
  for (let at = 1; at < histogram.length; at += 2) count += histogram[at]!;
  const avg = unknown > 0 ? NaN : totalUs / count / US_PER_MS;
  const figures = { avg, 'p99.9': NaN, p99: NaN, p95: NaN, p50: NaN };
  let [at, above] = [histogram.length, unknown];
  for (const name of PERCENTILES) {
    const beyond = count * (1 - QUANTILES[name]);
    if (!(beyond > unknown)) continue;
    while (above < beyond && at > 0) {
      at -= 2;
      above += histogram[at + 1]!;
    }
    figures[name] = HISTOGRAM_BASE ** (histogram[at]! + (above - beyond) / histogram[at + 1]!) / US_PER_MS;
  }
  return { count, figures };
}
