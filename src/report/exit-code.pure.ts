/** The exit code of a report: what is wrong, then crossed thresholds, then what is invalid, missing or unknown. */
import { EXIT } from '../core/errors';
import { wrongOf } from './analyze/verdict';
import type { Side } from './compare/comparison';
import type { Report } from './report';

export function exitCodeOfReport(report: Report): number {
  if (wrongOf(report).length > 0 || report.thresholds.some(({ passed }) => !passed)) return EXIT.checkFailed;
  return isUnverified(report) ? EXIT.incomplete : EXIT.ok;
}

/** Returns true if the load was invalid, something that was named could not be read, or a check is unknown. */
export function isUnverified(report: Report): boolean {
  const { verdict, inputs } = report;
  return verdict.kind === 'invalid' || inputs.missing.length > 0 || verdict.not_verified.length > 0;
}

/** Judges whether two runs can be compared, not how they differ. */
export function exitCodeOfCompare({ a, b }: Record<'a' | 'b', Pick<Side, 'verdict' | 'is_incomplete'>>): number {
  const kinds = [a.verdict, b.verdict];
  if (kinds.includes('wrong')) return EXIT.checkFailed;
  return kinds.includes('invalid') || a.is_incomplete || b.is_incomplete ? EXIT.incomplete : EXIT.ok;
}
