import { seededRandom } from '../../../src/core/random';
import { bucketOf } from '../../../src/report/analyze/timeline';
import type { Report } from '../../../src/report/report';
import { sampleReport } from '../render/sample';
import type { Windows } from '../../../src/report/compare/windows';

export interface Simulated {
  seed: number;
  windows?: number;
  /** Approximate requests per window. */
  requests?: number;
  /** The median latency. */
  medianMs?: number;
  /** Correlation of the level of neighbouring windows: an autoregression of order 1. */
  correlation?: number;
  /** Standard deviation of the level's logarithm. */
  unrest?: number;
}

/**
 * Windows of a run in a closed loop: lognormal latencies around a level that varies from window to window, fewer
 * requests where it is high, and one failure in two hundred.
 */
export function simulate(options: Simulated): Windows {
  const { seed, windows = 60, requests = 100, medianMs = 100, correlation = 0.5, unrest = 0.1 } = options;
  const random = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let level = unrest * normal();
  const all = { windowMs: 1000, requests: [] as number[], failed: [] as number[], histograms: [] as number[][] };
  for (let window = 0; window < windows; window++) {
    level = correlation * level + Math.sqrt(1 - correlation ** 2) * unrest * normal();
    const latencyMs = (): number => medianMs * Math.exp(level + 0.5 * normal());
    const count = Math.max(1, Math.round((requests * 100) / (medianMs * Math.exp(level)) + normal()));
    const latencies = Array.from({ length: count }, latencyMs).filter(() => random() >= 0.005);
    all.requests.push(count);
    all.failed.push(count - latencies.length);
    all.histograms.push(histogramOf(latencies));
  }
  return all;
}

/** The histogram as a report contains it. */
export function histogramOf(latenciesMs: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const bucket of latenciesMs.map((ms) => bucketOf(ms * 1000))) counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b).flat();
}

/** Two minutes of the sample with latencies in every window, multiplied by `slower`. */
export function sampleRun(slower = 1): Report {
  const report = sampleReport({ secs: 120 });
  const random = seededRandom(1);
  const { requests, failed } = report.timeline!;
  const histograms = requests.map((count, at) => {
    return histogramOf(Array.from({ length: count - failed[at]! }, () => 20 * slower * Math.exp(random())));
  });
  const slowed = (ms: number | null): number | null => (ms === null ? null : ms * slower);
  const { p50_ms, p99_ms } = report.timeline!;
  return {
    ...report,
    timeline: { ...report.timeline!, histograms, p50_ms: p50_ms.map(slowed), p99_ms: p99_ms.map(slowed) },
    percentile_curve: report.percentile_curve.map((point) => ({ ...point, latency_ms: slowed(point.latency_ms) })),
  };
}
