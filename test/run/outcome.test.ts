import { runConfigOf, type RunFlags } from '../../src/config/run-config';
import type { Report } from '../../src/report/report';
import { exitCodeOfRun, planText } from '../../src/run/outcome';
import { request, useLab } from '../report/lab';

const lab = useLab();
const WRITTEN = { files_complete: true, aborted_by: null };

describe('the exit code of a run', () => {
  /** A real report of a run in which all went well, except for `more`. */
  function report(more: Partial<Report> = {}): Report {
    lab.requests([request(1, 0)]);
    return { ...lab.report(), ...more };
  }
  const audit = (adds_up: boolean | 'unknown') => ({ audit: { ...report().audit, adds_up } });
  const verdict = (scale: Report['verdict']['scale']) => ({ verdict: { ...report().verdict, scale } });
  const threshold = (passed: boolean) => ({ thresholds: [{ expression: 'p99<1ms', value: 20, passed }] });
  const rule = (held: boolean | 'unknown') => ({ rules: [{ rule: 'S1', verdict: held, problems: [] }] });
  const missing = () => ({ inputs: { ...report().inputs, missing: ['server1: does not exist'] } });

  test.each<[string, () => Partial<Report>, number]>([
    ['all is well', () => ({}), 0],
    ['a threshold holds', () => threshold(true), 0],
    ['a threshold is crossed', () => threshold(false), 3],
    ['every rule holds', () => rule(true), 0],
    ['a rule is unknown', () => rule('unknown'), 0],
    ['a rule is violated', () => rule(false), 3],
    ['the audit adds up', () => audit(true), 0],
    ['the audit is unknown', () => audit('unknown'), 0],
    ['the audit does not add up', () => audit(false), 3],
    ['few requests failed', () => verdict('acceptable under faults'), 0],
    ['many requests failed', () => verdict('investigate'), 3],
    ['something is missing', missing, 4],
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

  test.each<[string, () => Partial<Report>, number]>([
    ['what the audit misses may be in no file', () => audit(false), 4],
    ['nor is a rule violated for sure', () => rule(false), 4],
    ['but a failed threshold has failed', () => threshold(false), 3],
    ['and what failed has failed', () => verdict('investigate'), 3],
    ['otherwise it is incomplete', () => ({}), 4],
  ])('on a full disk %s', (_what, more, code) => {
    expect(exitCodeOfRun({ report: report(more()), problems: ['disk'], ...WRITTEN, files_complete: false })).toBe(code);
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

describe('the plan', () => {
  const plan = (flags?: RunFlags) => planText(runConfigOf(flags).config, 'runs/x').split('\n');

  test('of the defaults', () => {
    expect(plan()).toEqual([
      '1. Start 3 servers on 127.0.0.1, free ports; files in runs/x',
      '2. Start 10 clients, each: as many requests as fit, 500 to 2500 ms think time; together ~6.7 requests/s',
      '3. Faults; times from the start of the clients:',
      '             8 s  kill server 1',
      '            12 s  restart server 1',
      '            20 s  kill server 2',
      '            24 s  restart server 2',
      '            32 s  kill server 3',
      '            36 s  restart server 3',
      '4. Wait 8 s more, then for requests in flight',
      '5. Report; stop the servers',
    ]);
  });

  test('without faults, on a port, with limits', () => {
    const flags = { servers: '1', port: '9000', cycles: '0', threshold: ['p99<1s', 'max<2s'] };
    expect(plan({ ...flags, clients: '1', requests: '5' })).toEqual([
      '1. Start 1 server on 127.0.0.1, 1 port from 9000 on; files in runs/x',
      '2. Start 1 client, each: 5 requests, 500 to 2500 ms think time; together ~0.7 requests/s',
      '3. Faults; times from the start of the clients:',
      '      none',
      '4. Wait 8 s more, then for requests in flight',
      '5. Report, thresholds p99<1s, max<2s; stop the servers',
    ]);
  });

  test('of other faults', () => {
    expect(plan({ kind: ['pause'], target: ['leader'] }).slice(3, 5)).toEqual([
      '             8 s  pause the leader at that moment',
      '            12 s  resume the leader at that moment',
    ]);
    expect(plan({ pattern: 'simultaneous' })[3]).toBe('             8 s  kill server 1, 2');
    expect(plan({ target: ['followers'] })[3]).toBe('             8 s  kill a follower');
  });
});
