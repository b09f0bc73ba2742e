/** The exit code of a run. */
import { EXIT } from '../core/errors';
import { ACCEPTABLE_UP_TO } from '../core/metrics/failure-scale';
import type { Report } from '../report/report';
import type { RunResult } from './recorder';

/**
 * Returns the exit code of a run that was not interrupted: the verdict, the thresholds and the checks come before missing
 * parts. After a full disk, a check that misses data does not fail.
 */
export function exitCodeOfRun(
  result: Pick<RunResult, 'report' | 'problems' | 'aborted_by' | 'files_complete'>,
): number {
  const { report, problems, aborted_by: abortedBy, files_complete: filesComplete } = result;
  if (abortedBy !== null) return EXIT.checkFailed;
  if (report === null) return EXIT.incomplete;
  const isViolated = report.audit.adds_up === false || (report.rules ?? []).some(({ verdict }) => verdict === false);
  const isBad =
    report.audit.corrupted > 0 ||
    failedPercent(report, filesComplete) > ACCEPTABLE_UP_TO ||
    report.thresholds.some(({ passed }) => !passed) ||
    (filesComplete && isViolated);
  if (isBad) return EXIT.checkFailed;
  const isIncomplete = !filesComplete || problems.length > 0 || report.inputs.missing.length > 0;
  return isIncomplete ? EXIT.incomplete : EXIT.ok;
}

/** Without complete files, requests that are undecided or have no record say nothing about the cluster. */
function failedPercent(report: Report, filesComplete: boolean): number {
  const { verdict, failed_requests: failed, missing_records: missing, decided_requests: decided } = report;
  if (filesComplete) return verdict.failure_rate;
  return decided === missing ? 0 : ((failed - missing) / (decided - missing)) * 100;
}
