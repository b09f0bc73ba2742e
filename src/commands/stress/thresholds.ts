import { DEFAULT_STRESS_FILE, type StressConfig } from '../../config/stress-config';
import { ClusterError } from '../../core/errors';
import { type Metric, parseThreshold, type Threshold } from '../../core/metrics/threshold';
import { printable } from '../../core/printable';
import { STRESS_METRICS } from '../../stress/run-tally';

export interface ThresholdSource {
  /** The flag. If it `isGiven`, the expressions come from it, else from the file. */
  flag: string;
  isGiven: boolean;
  file: string;
  key: string;
  /** The metrics that are accepted (default: all). */
  known?: readonly Metric[];
}

/**
 * Parses the thresholds of the flags or, without any, of the file.
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function thresholdsOf(
  expressions: readonly string[],
  { flag, isGiven, file, key, known }: ThresholdSource,
): Threshold[] {
  const where = isGiven ? flag : `${printable(file)}: ${key}`;
  try {
    return expressions.map((each) => parseThreshold(each, { where, known }));
  } catch (error) {
    if (!(error instanceof ClusterError) || isGiven) throw error;
    throw new ClusterError('bad_config', error.message, { cause: error });
  }
}

interface ThresholdFlags {
  threshold?: string[];
  'abort-on'?: string[];
  config?: string;
}

/**
 * Returns the thresholds of a stress run: those checked at its end, and those that abort it.
 * @throws ClusterError `bad_usage` | `bad_config` for an invalid expression
 */
export function stressThresholds(
  config: StressConfig,
  { threshold, 'abort-on': abortOn, config: file = DEFAULT_STRESS_FILE }: ThresholdFlags,
): { thresholds: Threshold[]; abortOn: Threshold[] } {
  const read = (expressions: string[], flag: string, isGiven: boolean, key: string): Threshold[] =>
    thresholdsOf(expressions, { flag, isGiven, file, key, known: STRESS_METRICS });
  return {
    thresholds: read(config.thresholds, '--threshold', threshold !== undefined, 'stress.thresholds'),
    abortOn: read(config.abortOn, '--abort-on', abortOn !== undefined, 'stress.abort_on'),
  };
}
