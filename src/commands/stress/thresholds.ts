import { ClusterError } from '../../core/errors';
import { type Metric, parseThreshold, type Threshold } from '../../core/metrics/threshold';
import { printable } from '../../core/printable';

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
