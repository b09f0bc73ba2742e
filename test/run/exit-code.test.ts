import type { Report } from '../../src/report/report';
import { exitCodeOfRun, tooManyFailed } from '../../src/run/exit-code.pure';
import { unknownOf } from '../../src/report/analyze/verdict';
import { executed, request, useLab } from '../report/lab';

const lab = useLab();
const WRITTEN = { files_complete: true, aborted_by: null, interrupted: false };

describe('the exit code of a run', () => {
  /** A real report of a run in which all went well, except for `more`. */
  function report(more: Partial<Report> = {}): Report {
    lab.requests([request(1, 0)]);
    lab.events(1, [executed(5, 1, 1)]);
    const told = { ...lab.report(), ...more };
    return { ...told, verdict: { ...told.verdict, not_verified: unknownOf(told) } };
  }
  const audit = (adds_up: boolean | 'unknown') => ({ audit: { ...report().audit, adds_up } });
  const failed = (percent: number) => ({ verdict: { ...report().verdict, failure_rate: percent } });
  const threshold = (passed: boolean) => ({
    thresholds: [{ expression: 'p99<1ms', value: 20, unit: 'ms' as const, passed }],
  });
  const rule = (held: boolean | 'unknown') => ({ rules: [{ rule: 'S1', verdict: held, problems: [] }] });
  const invalid = () => ({ verdict: { ...report().verdict, kind: 'invalid' as const } });
  const missing = () => ({ inputs: { ...report().inputs, missing: ['server1: does not exist'] } });

  test.each<[string, () => Partial<Report>, number]>([
    ['all is well', () => ({}), 0],
    ['a threshold holds', () => threshold(true), 0],
    ['a threshold is crossed', () => threshold(false), 3],
    ['every rule holds', () => rule(true), 0],
    ['a rule is unknown', () => rule('unknown'), 4],
    ['a rule is violated', () => rule(false), 3],
    ['the audit adds up', () => audit(true), 0],
    ['the audit is unknown', () => audit('unknown'), 4],
    ['a threshold is crossed and a rule unknown', () => ({ ...threshold(false), ...rule('unknown') }), 3],
    ['the audit does not add up', () => audit(false), 3],
    ['few requests failed', () => failed(5), 0],
    ['many requests failed', () => failed(5.001), 3],
    ['a carrier was wrong', () => ({ audit: { ...report().audit, corrupted: 1 } }), 3],
    ['something is missing', missing, 4],
    ['the load was invalid', invalid, 4],
    ['the load was invalid and a threshold crossed', () => ({ ...invalid(), ...threshold(false) }), 3],
  ])('%s', (_what, more, code) => {
    expect(exitCodeOfRun({ report: report(more()), problems: [], ...WRITTEN })).toBe(code);
    // A failure stays a failure even if something is missing.
    expect(exitCodeOfRun({ report: report(more()), problems: ['server 1 did not come back'], ...WRITTEN })).toBe(
      code === 3 ? 3 : 4,
    );
    expect(exitCodeOfRun({ report: report({ ...more(), ...missing() }), problems: [], ...WRITTEN })).toBe(
      code === 3 ? 3 : 4,
    );
  });

  test('says why it is 3 when only the failure rate is at fault', () => {
    expect(tooManyFailed(report(failed(5)), true)).toBeNull();
    expect(tooManyFailed(report(failed(5.3)), true)).toBe(
      'Failed: 5.30% of the requests failed or were undecided, more than 5%.',
    );
  });

  test.each<[string, () => Partial<Report>, number]>([
    ['what the audit misses may be in no file', () => audit(false), 4],
    ['nor is a rule violated for sure', () => rule(false), 4],
    ['but a failed threshold has failed', () => threshold(false), 3],
    ['and what failed has failed', () => ({ failed_requests: 1 }), 3],
    ['but not what has no record', () => ({ failed_requests: 1, missing_records: 1 }), 4],
    ['otherwise it is incomplete', () => ({}), 4],
  ])('on a full disk %s', (_what, more, code) => {
    expect(exitCodeOfRun({ report: report(more()), problems: ['disk'], ...WRITTEN, files_complete: false })).toBe(code);
  });

  test.each<[string, () => Partial<Report>, number]>([
    ['a crossed threshold', () => threshold(false), 130],
    ['an unknown rule', () => rule('unknown'), 130],
    ['a violated rule', () => rule(false), 3],
    ['a wrong carrier', () => ({ audit: { ...report().audit, corrupted: 1 } }), 3],
  ])('interrupted, with %s', (_what, more, code) => {
    const result = { report: report(more()), problems: [], ...WRITTEN, interrupted: true };
    expect(exitCodeOfRun(result)).toBe(code);
    expect(exitCodeOfRun({ ...result, report: null })).toBe(130);
  });

  test('an abort condition was met', () => {
    const aborted = { ...WRITTEN, aborted_by: 'failure_rate>20%: 21 %' };
    expect(exitCodeOfRun({ report: report(), problems: [], ...aborted })).toBe(3);
  });

  test('nothing to report', () => {
    expect(exitCodeOfRun({ report: null, problems: [], ...WRITTEN })).toBe(4);
    expect(exitCodeOfRun({ report: null, problems: ['server 1 did not come back'], ...WRITTEN })).toBe(4);
  });
});
