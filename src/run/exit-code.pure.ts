/** The exit code of a run. */
import { EXIT } from '../core/errors';
import { ACCEPTABLE_UP_TO, rateText } from '../core/metrics/failure-scale';
import { wrongOf } from '../report/analyze/verdict';
import { isUnverified } from '../report/exit-code.pure';
import type { Report } from '../report/report';
import type { RunResult } from './recorder';

/**
 * Returns the exit code of a run: what is wrong comes before an interruption, then thresholds, then what is invalid,
 * missing or unknown. After a full disk, a check that misses data is not wrong.
 */
export function exitCodeOfRun(
  result: Pick<RunResult, 'report' | 'problems' | 'aborted_by' | 'files_complete' | 'interrupted'>,
): number {
  const { report, problems, aborted_by: abortedBy, files_complete: filesComplete, interrupted } = result;
  const isWrong = report !== null && (filesComplete ? wrongOf(report).length > 0 : report.audit.corrupted > 0);
  if (isWrong) return EXIT.checkFailed;
  if (interrupted) return EXIT.interrupted;
  if (abortedBy !== null) return EXIT.checkFailed;
  if (report === null) return EXIT.incomplete;
  if (tooManyFailed(report, filesComplete) !== null || report.thresholds.some(({ passed }) => !passed))
    return EXIT.checkFailed;
  return !filesComplete || problems.length > 0 || isUnverified(report) ? EXIT.incomplete : EXIT.ok;
}

/** Returns a sentence if too many requests failed, else null. */
export function tooManyFailed(report: Report, filesComplete: boolean): string | null {
  const percent = failedPercent(report, filesComplete);
  if (percent <= ACCEPTABLE_UP_TO) return null;
  return `Failed: ${rateText(percent)} of the requests failed or were undecided, more than ${ACCEPTABLE_UP_TO}%.`;
}

/** Without complete files, requests that are undecided or have no record say nothing about the cluster. */
function failedPercent(report: Report, filesComplete: boolean): number {
  const { verdict, failed_requests: failed, missing_records: missing, decided_requests: decided } = report;
  if (filesComplete) return verdict.failure_rate;
  return decided === missing ? 0 : ((failed - missing) / (decided - missing)) * 100;
}
