import { runConfigOf, type RunFlags } from '../../src/config/run-config';
import { planText } from '../../src/run/plan-text.pure';

describe('the plan', () => {
  const plan = (flags?: RunFlags) => planText(runConfigOf(flags).config, 'runs/x').split('\n');

  test('of the defaults', () => {
    expect(plan()).toEqual([
      '1. Start 3 servers on 127.0.0.1, free ports; files in runs/x',
      '2. Start 10 clients, each: as many requests as fit, 100 to 2000 ms think time; together ~9.5 requests/s',
      '3. Faults; times from the start of the clients:',
      '            20 s  kill server 1',
      '            24 s  restart server 1',
      '            32 s  kill server 2',
      '            36 s  restart server 2',
      '            44 s  kill server 3',
      '            48 s  restart server 3',
      '      up to 120 s later, until every image has 20 successes',
      '4. Wait 8 s more, then for requests in flight',
      '5. Report; stop the servers',
    ]);
  });

  test('without faults, on a port, with limits', () => {
    const flags = { servers: '1', port: '9000', cycles: '0', threshold: ['p99<1s', 'max<2s'] };
    expect(plan({ ...flags, clients: '1', requests: '5' })).toEqual([
      '1. Start 1 server on 127.0.0.1, 1 port from 9000 on; files in runs/x',
      '2. Start 1 client, each: 5 requests, 100 to 2000 ms think time; together ~1.0 requests/s',
      '3. Faults; times from the start of the clients:',
      '      none',
      '4. Wait 8 s more, then for requests in flight',
      '5. Report, thresholds p99<1s, max<2s; stop the servers',
    ]);
  });

  test('faults that need no baseline, or have no time to wait for it, do not begin later', () => {
    expect(plan({ 'slow-limit': ['60'] }).join()).not.toContain('later');
    expect(plan({ duration: '60' }).join()).toContain('up to 4 s later');
    expect(plan({ duration: '40' }).join()).not.toContain('later');
  });

  test('of other faults', () => {
    expect(plan({ kind: ['pause'], target: ['leader'] }).slice(3, 5)).toEqual([
      '            20 s  pause the leader at that moment',
      '            24 s  resume the leader at that moment',
    ]);
    expect(plan({ pattern: 'simultaneous' })[3]).toBe('            20 s  kill server 1, 2');
    expect(plan({ target: ['followers'] })[3]).toBe('            20 s  kill a follower');
  });
});
