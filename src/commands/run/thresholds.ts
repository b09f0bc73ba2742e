import { DEFAULT_RUN_FILE } from '../../config/run-config';
import { ClusterError } from '../../core/errors';
import { printable } from '../../core/printable';
import { parseThreshold, type Threshold } from '../../core/metrics/threshold';

/**
 * What must hold, by the flags or, without any, by the file.
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function thresholdsOf(
  expressions: readonly string[],
  flags: { threshold?: unknown; config?: string },
): Threshold[] {
  try {
    return expressions.map((each) => parseThreshold(each));
  } catch (error) {
    if (!(error instanceof ClusterError) || flags.threshold !== undefined) throw error;
    const key = `${printable(flags.config ?? DEFAULT_RUN_FILE)}: report.thresholds`;
    throw new ClusterError('bad_config', error.message.replace('--threshold', key), { cause: error });
  }
}
