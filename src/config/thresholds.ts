/** Parses the thresholds of a setting, such as `p99<800ms`, with errors that name the flag or key. */
import { ClusterError } from '../core/errors';
import { type Metric, parseThreshold, type Threshold } from '../core/metrics/threshold';
import type { Merged } from './merge';

/**
 * Parses the expressions of a setting; `known` are the metrics that they may use (default: all).
 * @throws ClusterError `bad_usage` | `bad_config` naming the flag, or file and key
 */
export function thresholdsOf<K extends string>(
  { values, nameOf, isTyped }: Merged<{ [Key in K]?: string | readonly string[] }>,
  key: K,
  known?: readonly Metric[],
): Threshold[] {
  const expressions: readonly string[] = [values[key] ?? []].flat();
  try {
    return expressions.map((each) => parseThreshold(each, { where: nameOf(key, true), known }));
  } catch (error) {
    if (!(error instanceof ClusterError) || isTyped(key)) throw error;
    throw new ClusterError('bad_config', error.message, { cause: error });
  }
}
