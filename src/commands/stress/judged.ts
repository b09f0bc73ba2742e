import { DEFAULT_STRESS_FILE, type StressConfig } from '../../config/stress-config';
import type { Threshold } from '../../core/metrics/threshold';
import { STRESS_METRICS as known } from '../../stress/run-tally';
import { thresholdsOf } from './thresholds';

interface JudgingFlags {
  threshold?: string[];
  'abort-on'?: string[];
  config?: string;
}

/**
 * Returns the thresholds of a stress run: those checked at its end, and those that abort it.
 * @throws ClusterError `bad_usage` | `bad_config` for an invalid expression
 */
export function judgedBy(
  config: StressConfig,
  { threshold, 'abort-on': abortOn, config: file = DEFAULT_STRESS_FILE }: JudgingFlags,
): { thresholds: Threshold[]; abortOn: Threshold[] } {
  const read = (expressions: string[], flag: string, isGiven: boolean, key: string): Threshold[] =>
    thresholdsOf(expressions, { flag, isGiven, file, key, known });
  return {
    thresholds: read(config.thresholds, '--threshold', threshold !== undefined, 'stress.thresholds'),
    abortOn: read(config.abortOn, '--abort-on', abortOn !== undefined, 'stress.abort_on'),
  };
}
