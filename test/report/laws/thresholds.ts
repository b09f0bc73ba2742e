/** The thresholds that each random run is judged by: every metric, at three levels. */
import { METRICS, parseThreshold, type Threshold } from '../../../src/core/metrics/threshold';

/** Limits by metric, of three levels. A metric of a later version is skipped until it exists. */
export const LIMITS: Readonly<Record<string, readonly [string, string, string]>> = {
  failure_rate: ['<1%', '<5%', '<20%'],
  min: ['<10ms', '<25ms', '<100ms'],
  avg: ['<30ms', '<100ms', '<1s'],
  p50: ['<20ms', '<40ms', '<1s'],
  p95: ['<50ms', '<500ms', '<4s'],
  p99: ['<100ms', '<1s', '<5s'],
  'p99.9': ['<200ms', '<2s', '<10s'],
  max: ['<200ms', '<2s', '<10s'],
  recovery: ['<100ms', '<1s', '<4s'],
  felt: ['<100ms', '<1s', '<4s'],
  imbalance: ['<1.1', '<1.5', '<2'],
  throughput: ['>2', '>8', '>20'],
};

const LEVELS = [0, 1, 2].map((level) =>
  Object.entries(LIMITS)
    .filter(([metric]) => (METRICS as readonly string[]).includes(metric))
    .map(([metric, limits]) => parseThreshold(`${metric}${limits[level]!}`)),
);

export function thresholdsAt(level: number): readonly Threshold[] {
  return LEVELS[level]!;
}
