/** The exit code of a report: what is wrong, then crossed thresholds, then what is missing or unknown. */
import { EXIT } from '../core/errors';
import { unknownOf, wrongOf } from './analyze/verdict';
import type { Report } from './report';

export function exitCodeOfReport(report: Report): number {
  if (wrongOf(report).length > 0 || report.thresholds.some(({ passed }) => !passed)) return EXIT.checkFailed;
  return isUnverified(report) ? EXIT.incomplete : EXIT.ok;
}

/** Returns true if something that was named could not be read, or a check is unknown. */
export function isUnverified(report: Report): boolean {
  return report.inputs.missing.length > 0 || unknownOf(report).length > 0;
}
