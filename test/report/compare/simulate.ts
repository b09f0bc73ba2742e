/** Runs made up for tests of comparisons. */
import { seededRandom } from '../../../src/core/random';
import type { Report } from '../../../src/report/report';
import type { Block } from '../../../src/report/report-blocks';
import { bucketOf } from '../../../src/report/analyze/timeline';
import { sampleReport } from '../render/sample';

/** Returns a block of these successful requests, a list of latencies (ms) for each operation. */
export function blockWith(latencies: readonly (readonly number[])[], more: Partial<Block> = {}): Block {
  return {
    secs: 12,
    successes: latencies.flat().length,
    failed: 0,
    undecided: 0,
    operations: latencies.map((list) => ({
      latency_total_us: list.reduce((sum, ms) => sum + Math.round(ms * 1000), 0),
      unknown: 0,
      histogram: histogramOf(list),
    })),
    ...more,
  };
}

/** The histogram as a report contains it. */
export function histogramOf(latenciesMs: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const bucket of latenciesMs.map((ms) => bucketOf(ms * 1000))) counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b).flat();
}

/** Two minutes of the sample with latencies in every block, multiplied by `slower`. */
export function sampleRun(slower = 1): Report {
  const report = sampleReport({ secs: 120 });
  const random = seededRandom(1);
  const filled = (blocks: readonly Block[]): Block[] => {
    return blocks.map(({ successes, ...rest }) => {
      const latencies = Array.from({ length: 3 }, () =>
        Array.from({ length: successes / 3 }, () => 20 * slower * Math.exp(random())),
      );
      return { ...rest, successes, operations: blockWith(latencies).operations };
    });
  };
  const slowed = (ms: number | null): number | null => (ms === null ? null : ms * slower);
  const { timeline, blocks, percentile_curve } = report;
  return {
    ...report,
    timeline: { ...timeline!, p50_ms: timeline!.p50_ms.map(slowed), p99_ms: timeline!.p99_ms.map(slowed) },
    blocks: { ...blocks!, whole: filled(blocks!.whole), steady: filled(blocks!.steady!) },
    percentile_curve: percentile_curve.map((point) => ({ ...point, latency_ms: slowed(point.latency_ms) })),
  };
}
